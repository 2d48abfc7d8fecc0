"""Partitions that bring nothing though their logs go on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.core.model.partition import Partition
from worker.sources.kafka.standstill import Place, StalledPartitions

KEY = Partition("t", 0)
BEHIND = Place(at=5, end=9)


def standing_after(
    *places: Place | None, every: float = 5.0, fetch_wait_seconds: float = 0.5
) -> float | None:
    """For how long, after these were seen one after the other; None: it was paused."""
    standstill = StalledPartitions(fetch_wait_seconds)
    for number, place in enumerate(places):
        standstill.observe({} if place is None else {KEY: place}, every * number)
    return standstill.of().get(KEY)


def test_a_partition_that_is_behind_and_brings_nothing_stands_still() -> None:
    assert standing_after(*[BEHIND] * 7) is None
    assert standing_after(*[BEHIND] * 8) == 35.0
    assert standing_after(*[BEHIND] * 100) == 495.0


def test_a_log_that_goes_on_meanwhile_changes_nothing() -> None:
    assert standing_after(*(Place(at=5, end=9 + number) for number in range(10))) == 45.0


def test_one_that_was_never_read_stands_still_too() -> None:
    assert standing_after(*[Place(at=None, end=9)] * 8) == 35.0


def test_any_step_ends_it() -> None:
    assert standing_after(*[BEHIND] * 20, Place(at=6, end=9)) is None
    assert standing_after(*[BEHIND] * 20, Place(at=9, end=9)) is None


def test_what_waits_to_be_handed_over_is_no_standstill() -> None:
    assert standing_after(*[Place(at=5, end=9, waits=True)] * 20) is None


def test_a_pause_is_no_standstill() -> None:
    assert standing_after(*[BEHIND] * 20, None, BEHIND) is None


def test_time_in_which_nobody_polled_does_not_count() -> None:
    """While a revoke is flushed, for half a minute, nothing can come."""
    assert standing_after(BEHIND, BEHIND, every=600.0) is None
    assert standing_after(*[BEHIND] * 5, every=600.0) == 40.0


def test_a_broker_may_keep_a_fetch_for_as_long_as_is_configured() -> None:
    assert standing_after(*[BEHIND] * 12, fetch_wait_seconds=30.0) is None
    assert standing_after(*[BEHIND] * 13, fetch_wait_seconds=30.0) == 60.0


@given(st.lists(st.integers(1, 5), min_size=2, max_size=50))
def test_one_that_brings_something_now_and_then_never_stands_still(steps: list[int]) -> None:
    at, places = 0, []
    for step in steps:
        places += [Place(at=at, end=10_000)] * 3
        at += step
    assert standing_after(*places) is None
