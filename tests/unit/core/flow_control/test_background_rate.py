"""A replay's lane gives way."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import admission
from worker.core.flow_control.background_rate import BackgroundRate
from worker.local.faults import TokenBucket

A_LONG_TIME = 1000.0
QUOTA = 400
SECONDS = 120
STEP_SECONDS = 0.002


def risen(calls_per_second: float) -> BackgroundRate:
    """A lane at its full rate, at ``A_LONG_TIME``."""
    lane = BackgroundRate(calls_per_second)
    lane.enter(0.0)
    return lane


def test_it_begins_at_a_tenth_and_rises_slowly() -> None:
    lane = risen(100)
    assert lane.rate(0.0) == pytest.approx(10)
    assert lane.rate(20.0) == pytest.approx(20)
    assert lane.rate(A_LONG_TIME) == 100


def test_calls_go_one_by_one_at_its_rate() -> None:
    lane = risen(10)
    lane.enter(A_LONG_TIME)
    assert lane.opens_at(A_LONG_TIME) == pytest.approx(A_LONG_TIME + 0.1)


def test_a_pause_saves_up_nothing() -> None:
    lane = risen(10)
    lane.enter(A_LONG_TIME)
    lane.enter(A_LONG_TIME + 60)
    assert lane.opens_at(A_LONG_TIME + 60) == pytest.approx(A_LONG_TIME + 60.1)


def test_a_throttle_stops_it_for_a_second_and_leaves_it_a_quarter() -> None:
    lane, now = risen(100), A_LONG_TIME
    lane.throttled(sent_at=now - 0.1, now=now)
    assert lane.rate(now) == pytest.approx(25)
    assert lane.opens_at(now) == pytest.approx(now + 1)


def test_what_was_sent_before_a_cut_cuts_no_deeper() -> None:
    lane, now = risen(100), A_LONG_TIME
    lane.throttled(sent_at=now - 0.1, now=now)
    lane.throttled(sent_at=now - 0.05, now=now + 0.1)
    assert lane.rate(now + 0.1) == pytest.approx(25, rel=0.01)


def test_it_gives_way_where_a_live_worker_hardly_does() -> None:
    """Both are throttled once a second for a minute; the live worker has fifty calls a second accepted."""
    lane, gate = risen(100), admission(100, 64)
    gate.limiter.set_share(1, 0)
    ends_at = A_LONG_TIME + 60
    for second in range(60):
        now = A_LONG_TIME + second
        lane.throttled(sent_at=now, now=now + 0.1)
        for call in range(51):
            gate.limiter.answered(now + call / 100, now + call / 100 + 0.1, throttled=not call)
    assert lane.rate(ends_at) < gate.limiter.rate / 10


class Road(NamedTuple):
    """What a quota came to that live calls and a lane had shared for a while."""

    live_per_second: float
    lane_per_second: float
    longest_wait_seconds: float


def share(live_calls_per_second: float, lane: BackgroundRate | None) -> Road:
    """A quota of 400 a second for two minutes; what was throttled goes again."""
    gate, bucket, waiting = admission(QUOTA, 1000), TokenBucket(QUOTA, 20, 0), deque[float]()
    gate.limiter.set_share(1, 0)
    live = of_lane = 0
    due = longest = 0.0
    for step in range(int(SECONDS / STEP_SECONDS)):
        now = step * STEP_SECONDS
        due += live_calls_per_second * STEP_SECONDS
        while due >= 1:
            waiting.append(now)
            due -= 1
        while waiting and gate.opens_at(now) <= now:
            accepted = bucket.take(now)
            gate.admit(now)
            gate.release(now)
            gate.limiter.answered(now, now, throttled=not accepted)
            if accepted:
                longest = max(longest, now - waiting.popleft())
                live += 1
        if lane is not None and lane.opens_at(now) <= now:
            lane.enter(now)
            if bucket.take(now):
                of_lane += 1
            else:
                lane.throttled(now, now)
    return Road(live / SECONDS, of_lane / SECONDS, longest)


def test_told_more_than_is_left_it_takes_what_is_left_and_live_calls_hardly_wait() -> None:
    """Live traffic takes 95 % of the quota, the lane is told to take half of it."""
    road = share(380, BackgroundRate(200))
    assert road.live_per_second == pytest.approx(380, abs=2)
    assert road.longest_wait_seconds < 1
    assert road.lane_per_second > 10


def test_where_nothing_is_left_it_takes_next_to_nothing() -> None:
    alone, beside = share(440, None), share(440, BackgroundRate(20))
    assert beside.live_per_second > 0.98 * alone.live_per_second
    assert 0 < beside.lane_per_second < 0.01 * QUOTA


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=100))
def test_it_never_stands_still_for_ever_nor_goes_faster_than_its_rate(
    steps: list[tuple[float, bool]],
) -> None:
    lane, now, went_at = BackgroundRate(10), 0.0, None
    for seconds, throttled in steps:
        now = max(now + seconds, lane.opens_at(now))
        assert went_at is None or now - went_at >= 1 / 10 - 1e-9
        lane.enter(now)
        went_at = now
        if throttled:
            lane.throttled(now, now)
        assert lane.opens_at(now) - now <= 10 + 1e-9, "a hundredth of its rate, at the least"
