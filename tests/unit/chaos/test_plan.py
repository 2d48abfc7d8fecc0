"""The plan is data: the same from the same seed, and it keeps its own rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.faults import MAKERS
from tests.chaos.plan import KINDS, LONGEST_SHARE, make_plan

seeds = st.integers(0, 10_000)
run_seconds = st.floats(60, 3_600)


@given(seeds, run_seconds)
def test_the_same_seed_makes_the_same_plan(seed: int, seconds: float) -> None:
    assert make_plan(seed, seconds) == make_plan(seed, seconds)


def test_another_seed_makes_another_plan() -> None:
    assert len({make_plan(seed, 900) for seed in range(20)}) == 20


@given(seeds, run_seconds)
def test_every_fault_is_over_before_the_run_is_and_none_is_most_of_it(seed: int, seconds: float) -> None:
    for step in make_plan(seed, seconds):
        assert 0 < step.at_seconds <= step.until_seconds < seconds
        assert step.seconds <= LONGEST_SHARE * seconds + 0.1


@given(seeds)
def test_two_faults_at_once_are_of_different_parts_and_never_three(seed: int) -> None:
    plan = make_plan(seed, 1_800)
    for step in plan:
        on = [each for each in plan if each.at_seconds <= step.at_seconds < each.until_seconds]
        assert len(on) <= 2
        assert len({each.kind.part for each in on}) == len(on)


@given(seeds)
def test_every_kind_comes_once_before_any_comes_twice(seed: int) -> None:
    names = [step.kind.name for step in make_plan(seed, 1_800)]
    assert len(names) > len(KINDS)
    assert sorted(names[: len(KINDS)]) == sorted(each.name for each in KINDS)


def test_fifteen_minutes_are_enough_for_every_kind() -> None:
    for seed in range(1, 4):
        assert {step.kind for step in make_plan(seed, 900)} == set(KINDS)


def test_every_kind_can_be_made() -> None:
    assert MAKERS.keys() == {each.name for each in KINDS}
