"""Whatever happens to workers that share a stream, in whatever order: the promises hold."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.simulation.kinesis.making import make_schedule
from tests.simulation.kinesis.playing import play, simulated
from tests.simulation.kinesis.running import play_many, processes, unseen
from tests.support.samples import only_ci, sample

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEDULES = sample(30, 500)


@pytest.fixture
def simulation() -> Iterator[None]:
    """Whatever is played in this process."""
    with simulated():
        yield


@pytest.mark.long
def test_many_schedules_keep_the_promises() -> None:
    with processes(os.cpu_count() or 1) as pool:
        totals = play_many(pool, 0, SCHEDULES)
    told = [
        f"{each.broken.promise}: {each.broken.how}; "
        f"replay it: python -m tests.simulation.kinesis --seed {each.seed}"
        for each in totals.failures
    ]
    assert not told, "\n".join(told)
    assert unseen(totals) == []


@only_ci
@pytest.mark.usefixtures("simulation")
def test_a_seed_is_the_same_run_each_time() -> None:
    for seed in range(3):
        assert play(make_schedule(seed)).digest() == play(make_schedule(seed)).digest()


@pytest.mark.usefixtures("simulation")
def test_a_seed_is_the_same_run_in_every_process() -> None:
    command = [sys.executable, "-m", "tests.simulation.kinesis", "--seed", "5"]
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    assert said.rstrip().endswith(play(make_schedule(5)).digest())
