from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.unit.core.scaling.seen import Seen
from worker.core.scaling.demand import Bound
from worker.core.scaling.desired_workers import DesiredWorkers

BUSY: dict[str, Any] = {"received": 1000, "calls": 100, "cpu": 0.95}
IDLE: dict[str, Any] = {"received": 10, "calls": 5, "cpu": 0.02}


def test_nothing_is_advised_before_a_minute_was_seen() -> None:
    seen = Seen()
    assert seen.minutes(0.75).workers is None
    assert seen.minutes(0.5).workers == 1


def test_who_has_just_come_begins_with_what_there_is_if_that_will_do() -> None:
    # 2.4 busy workers: 3 will do, 4 is comfortable.
    assert Seen(own_partitions=4, share_ratio=1 / 3).minutes(2, cpu=0.8).workers == 3
    assert Seen(own_partitions=3, share_ratio=1 / 4).minutes(2, cpu=0.6).workers == 4
    assert Seen(own_partitions=12, share_ratio=1.0).minutes(2, cpu=1.0).workers == 2


def test_it_rises_once_a_minute_asked_for_more() -> None:
    seen = Seen()
    assert seen.minutes(12, cpu=0.4, received=1000, calls=100).workers == 3
    numbers = list(seen.numbers(5, **BUSY))
    assert numbers[:4] == [3] * 4
    assert numbers[-1] == 6


def test_a_peak_of_half_a_minute_changes_nothing() -> None:
    seen = Seen()
    seen.minutes(12, cpu=0.4)
    assert {*seen.numbers(0.5, cpu=1.0), *seen.numbers(15, cpu=0.4)} == {3}


def test_it_falls_once_ten_minutes_asked_for_less() -> None:
    seen = Seen(own_partitions=2, share_ratio=1 / 6)
    assert seen.minutes(15, **BUSY).workers == 8
    assert set(seen.numbers(9, **IDLE)) == {8}
    assert seen.minutes(5, **IDLE).workers == 1


def test_a_valley_of_some_minutes_changes_nothing() -> None:
    seen = Seen(own_partitions=2, share_ratio=1 / 6)
    seen.minutes(15, **BUSY)
    # The load is that of two minutes, so the way down and up again belongs to the ten.
    assert {*seen.numbers(8, **IDLE), *seen.numbers(15, **BUSY)} == {8}


def test_while_held_it_stays_however_large_the_backlog() -> None:
    seen = Seen()
    before = seen.minutes(15, cpu=0.6).workers
    held = seen.minutes(60, received=0, unread=5000, calls=0, cpu=0.0, is_held=True)
    assert (held.workers, held.bound) == (before, Bound.HELD)


def test_after_a_hold_what_was_seen_during_it_counts_for_nothing() -> None:
    seen = Seen()
    before = seen.minutes(15, cpu=0.6).workers
    seen.minutes(30, received=0, calls=0, cpu=0.0, is_held=True)
    assert set(seen.numbers(9, cpu=0.1, is_held=False)) == {before}
    assert seen.minutes(3, cpu=0.1, is_held=False).workers == 1


def test_a_draining_worker_says_what_it_said() -> None:
    seen = Seen()
    before = seen.minutes(15, cpu=0.6).workers
    drained = seen.minutes(1, cpu=0.0, is_draining=True)
    assert (drained.workers, drained.bound) == (before, Bound.DRAINING)


def test_after_a_rebalance_it_stays_until_a_minute_was_seen() -> None:
    seen = Seen()
    before = seen.minutes(15, cpu=0.6)
    after = seen.minutes(0.75, cpu=1.0, own_partitions=4, share_ratio=0.5)
    assert (after.workers, after.bound) == (before.workers, before.bound)


def test_without_partitions_nothing_is_advised() -> None:
    seen = Seen()
    seen.minutes(15, cpu=0.6)
    without = seen.minutes(0.25, own_partitions=0, share_ratio=0.0)
    assert (without.workers, without.bound) == (None, Bound.UNKNOWN)


def test_more_than_there_are_partitions_is_said_and_not_asked_for() -> None:
    seen = Seen(own_partitions=2, share_ratio=0.5)
    numbers = set(seen.numbers(15, received=1000, unread=9000, cpu=1.0, calls=1))
    assert (numbers, seen.desired.advice.bound) == ({None, 4}, Bound.PARTITIONS)


def test_scrapes_that_follow_one_another_fast_change_nothing() -> None:
    seen = Seen()
    before = seen.minutes(3)
    soon = structs.replace(seen.now, at=seen.now.at + 1, is_held=True)
    assert seen.desired.observe(soon) is before


OBSERVED = st.fixed_dictionaries(
    {
        "received": st.floats(0, 1e5),
        "unread": st.floats(0, 1e4),
        "calls": st.floats(0, 2000),
        "cpu": st.floats(0, 1),
        "in_flight_ratio": st.floats(0, 1),
        "loop_lag_seconds": st.floats(0, 2),
        "throttled_ratio": st.floats(0, 1),
        "rate_calls_per_second": st.floats(0, 2000),
        "unsettled_records": st.integers(0, 100_000),
        "is_held": st.booleans(),
        "is_draining": st.booleans(),
        "minutes": st.sampled_from([0.25, 2.0, 11.0]),
    }
)
SHARES = st.integers(1, 64).flatmap(lambda own: st.tuples(st.just(own), st.integers(own, 64)))


@settings(max_examples=60)
@given(st.lists(st.tuples(SHARES, OBSERVED), min_size=1, max_size=8))
def test_it_is_never_below_one_nor_above_the_partitions_and_stays_while_held(
    steps: list[tuple[tuple[int, int], dict[str, Any]]],
) -> None:
    seen = Seen()
    for (own, total), rates in steps:
        before, minutes = seen.desired.advice.workers, rates["minutes"]
        now = {**rates, "own_partitions": own, "share_ratio": own / total}
        del now["minutes"]
        for workers in seen.numbers(minutes, **now):
            load = seen.desired.advice.load
            assert workers is None or workers >= 1
            assert load is None or (workers is not None and workers <= load.partitions)
        if rates["is_held"] or rates["is_draining"]:
            assert seen.desired.advice.workers == before


STEADY = st.fixed_dictionaries(
    {
        "cpu": st.floats(0, 1),
        "received": st.floats(0, 1e4),
        "calls": st.floats(0, 300),
        "in_flight_ratio": st.floats(0, 1),
        "throttled_ratio": st.sampled_from([0.0, 0.02]),
    }
)


@settings(max_examples=40)
@given(st.integers(1, 12), STEADY)
def test_under_a_load_that_stays_it_changes_once_at_most(own: int, rates: dict[str, Any]) -> None:
    seen = Seen(own_partitions=own, share_ratio=own / 12)
    known = [number for number in seen.numbers(30, **rates) if number is not None]
    changes = [before for before, after in pairwise(known) if before != after]
    assert len(changes) <= 1


@settings(max_examples=40)
@given(st.floats(0.05, 1.0), st.floats(0.1, 11.0))
def test_workers_with_different_partitions_agree_to_within_what_will_do(each: float, group: float) -> None:
    """Twelve partitions with the same load each: whoever has however many of them, the need is the same."""
    load = min(group, 12 * each) / 12
    shares = [own for own in (1, 2, 3, 4) if own * load <= 1]
    said = {
        Seen(own_partitions=own, share_ratio=own / 12).minutes(30, cpu=own * load, calls=own).workers
        for own in shares
    }
    assert None not in said
    if said:
        least, most = min(filter(None, said)), max(filter(None, said))
        # From as busy as one may be to as busy as one should be.
        assert most <= -(-least * 0.8 // 0.65) + 1


def test_a_new_one_knows_nothing() -> None:
    advice = DesiredWorkers().advice
    assert (advice.workers, advice.bound, advice.load) == (None, Bound.UNKNOWN, None)


@pytest.mark.parametrize("bound", Bound)
def test_every_bound_is_a_word_for_a_label(bound: Bound) -> None:
    assert bound.value.replace("_", "").isalpha()
