"""Whatever happens to a group of workers, in whatever order: the promises hold."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.simulation.making import make_schedule
from tests.simulation.playing import play, simulated
from tests.simulation.running import ENOUGH_TO_SEE_ALL, play_many, play_seeds
from tests.support.samples import sample

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

SCHEDULES = sample(200, ENOUGH_TO_SEE_ALL)


@pytest.mark.long
def test_many_schedules_keep_the_promises(pool: ProcessPoolExecutor) -> None:
    totals = play_many(pool, 0, SCHEDULES, lambda _: None)
    told = [
        f"{each.broken.promise}: {each.broken.how}; replay it: python -m tests.simulation --seed {each.seed}"
        for each in totals.failures
    ]
    assert not told, "\n".join(told)
    if totals.played >= ENOUGH_TO_SEE_ALL:
        assert totals.unseen() == []


@pytest.mark.usefixtures("simulation")
def test_a_seed_is_the_same_run_each_time() -> None:
    for seed in range(20):
        assert play(make_schedule(seed)).digest() == play(make_schedule(seed)).digest()


@pytest.mark.parametrize("hash_seed", ["1", "2"])
@pytest.mark.usefixtures("simulation")
def test_a_seed_is_the_same_run_in_every_process(hash_seed: str) -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seed", "5"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    assert said.rstrip().endswith(play(make_schedule(5)).digest())


@given(seed=st.integers(0, 10_000), keep=st.integers(0))
@settings(max_examples=sample(15, 50))
def test_a_schedule_without_some_of_its_steps_is_a_schedule(seed: int, keep: int) -> None:
    schedule = make_schedule(seed)
    steps = tuple(each for each in schedule.steps if keep >> each.id & 1)
    with simulated():
        assert play(replace(schedule, steps=steps)).broken is None


@pytest.mark.usefixtures("simulation")
def test_what_was_not_seen_is_told() -> None:
    assert "an answer that was lost" in play_seeds(range(0)).unseen()
