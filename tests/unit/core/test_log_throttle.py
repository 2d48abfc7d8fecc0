from __future__ import annotations

import doctest
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from worker.core import log_throttle as module
from worker.core.log_throttle import WAITS_SECONDS, LogThrottle

# What a condition does: so long after the last time it comes again.
gaps = st.lists(st.floats(min_value=0, max_value=400), max_size=100)


def test_the_first_time_is_said_at_once() -> None:
    assert LogThrottle().note("away", 1000.0) == 1


def test_it_is_said_again_at_growing_intervals_with_how_often_it_came() -> None:
    repeats = LogThrottle(waits_seconds=(10, 60, 300))
    said = {now: times for now in range(1000) if (times := repeats.note("away", float(now)))}
    assert said == {0: 1, 10: 10, 70: 60, 370: 300, 670: 300, 970: 300}


def test_conditions_do_not_hush_each_other() -> None:
    repeats = LogThrottle()
    assert [repeats.note(key, 0.0) for key in ("away", "held", "away")] == [1, 1, 0]


def test_once_over_it_says_how_long_it_lasted_and_begins_anew() -> None:
    repeats = LogThrottle()
    repeats.note("away", 100.0)
    repeats.note("away", 104.0)
    assert repeats.ended("away", 105.5) == 5.5
    assert repeats.ended("away", 106.0) is None
    assert repeats.note("away", 106.0) == 1


def test_a_new_detail_is_said_after_the_first_wait_and_two_that_alternate_make_no_more_lines() -> None:
    repeats = LogThrottle(waits_seconds=(10, 60, 300))
    said = [now for now in range(1000) if repeats.note("held", float(now), "ab"[now % 2])]
    assert said == [0, 10, 21, 321, 621, 921]
    assert [repeats.note("held", now, "c") for now in (922.0, 930.9, 931.0)] == [0, 0, 81]


@given(gaps)
def test_whatever_the_details_nothing_is_said_sooner_than_the_first_wait(gaps: list[float]) -> None:
    repeats, now = LogThrottle(), 0.0
    said_at: list[float] = []
    for number, gap in enumerate(gaps):
        now += gap
        if repeats.note("held", now, f"detail {number}"):
            said_at.append(now)
    assert all(later - sooner >= WAITS_SECONDS[0] for sooner, later in pairwise(said_at))


def test_after_a_long_quiet_the_intervals_begin_anew() -> None:
    repeats = LogThrottle(waits_seconds=(10, 60))
    for now in (0.0, 10.0, 70.0):
        repeats.note("away", now)
    assert repeats.note("away", 131.0) == 1
    assert repeats.note("away", 141.0) == 1
    assert repeats.ended("away", 142.0) == 11.0


@given(gaps)
def test_every_time_is_counted_once_and_none_is_said_sooner_than_the_first_wait(gaps: list[float]) -> None:
    repeats, now, told = LogThrottle(), 0.0, 0
    said_at: list[float] = []
    for came, gap in enumerate(gaps, start=1):
        now += gap
        if times := repeats.note("away", now):
            told += times
            said_at.append(now)
            assert told == came
    assert all(later - sooner >= WAITS_SECONDS[0] for sooner, later in pairwise(said_at))


@given(gaps)
def test_it_is_never_hushed_for_longer_than_the_longest_wait(gaps: list[float]) -> None:
    repeats, now, said_at = LogThrottle(), 0.0, 0.0
    for gap in gaps:
        now += gap
        if repeats.note("away", now):
            said_at = now
        assert now - said_at < WAITS_SECONDS[-1]


def test_the_example_in_its_docstring_holds() -> None:
    results = doctest.testmod(module)
    assert results.attempted
    assert not results.failed


def test_what_still_holds_is_said_again_though_nothing_new_came() -> None:
    repeats = LogThrottle()
    assert repeats.again("away", 0.0) is None
    repeats.note("away", 0.0)
    repeats.note("away", 4.0)
    said = {second: repeats.again("away", float(second)) for second in range(100)}
    assert {second: times for second, times in said.items() if times is not None} == {10: 1, 70: 0}
