"""Whatever happens to workers that share leases, in whatever order: the promises hold."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.simulation.leases.making import make_schedule
from tests.simulation.leases.playing import play, simulated
from tests.simulation.leases.running import ENOUGH_TO_SEE_ALL, play_many, play_seeds, processes
from tests.support.samples import only_ci, sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import ProcessPoolExecutor

SCHEDULES = sample(40, ENOUGH_TO_SEE_ALL)


@pytest.fixture(scope="module")
def lease_pool() -> Iterator[ProcessPoolExecutor]:
    with processes(os.cpu_count() or 1) as made:
        yield made


@pytest.mark.long
def test_many_schedules_keep_the_promises(lease_pool: ProcessPoolExecutor) -> None:
    totals = play_many(lease_pool, 0, SCHEDULES)
    told = [
        f"{broken.promise}: {broken.how}; replay it: python -m tests.simulation.leases --seed {seed}"
        for seed, broken in totals.failures
    ]
    assert not told, "\n".join(told)
    if totals.played >= ENOUGH_TO_SEE_ALL:
        assert totals.unseen() == []


@only_ci
def test_a_seed_is_the_same_run_each_time() -> None:
    with simulated():
        for seed in range(5):
            assert play(make_schedule(seed)).digest() == play(make_schedule(seed)).digest()


def test_a_seed_is_the_same_run_in_every_process() -> None:
    command = [sys.executable, "-m", "tests.simulation.leases", "--seed", "5"]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    with simulated():
        assert said.rstrip().endswith(play(make_schedule(5)).digest())


@given(seed=st.integers(0, 10_000), keep=st.integers(0))
@settings(max_examples=sample(5, 40))
def test_a_schedule_without_some_of_its_steps_is_a_schedule(seed: int, keep: int) -> None:
    schedule = make_schedule(seed)
    steps = tuple(each for place, each in enumerate(schedule.steps) if keep >> place & 1)
    with simulated():
        assert play(replace(schedule, steps=steps)).broken is None


def test_what_was_not_seen_is_told() -> None:
    assert "a lease that was stolen" in play_seeds(range(0)).unseen()
