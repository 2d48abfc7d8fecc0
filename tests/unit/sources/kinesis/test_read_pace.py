"""When a shard is read next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sources.kinesis.read_pace import ReadPace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pace(clock: Clock, draw: float = 0.5) -> ReadPace:
    return ReadPace(clock, lambda: draw)


def test_the_first_read_is_due_at_once(clock: Clock) -> None:
    assert pace(clock).due_at == clock.now


def test_a_shard_without_news_is_read_once_a_second(clock: Clock) -> None:
    idle = pace(clock)
    idle.brought(0, is_behind=False)
    assert idle.due_at == clock.now + 1


@pytest.mark.parametrize(("size", "is_behind"), [(100, False), (0, True), (100, True)])
def test_a_shard_with_more_is_read_four_times_a_second(clock: Clock, size: int, *, is_behind: bool) -> None:
    busy = pace(clock)
    busy.brought(size, is_behind=is_behind)
    assert busy.due_at == clock.now + 0.25


@given(size=st.integers(0, 10 << 20), is_behind=st.booleans())
def test_never_more_than_two_mib_and_five_reads_a_second(size: int, *, is_behind: bool) -> None:
    clock = Clock()
    any_shard = pace(clock)
    any_shard.brought(size, is_behind=is_behind)
    seconds = any_shard.due_at - clock.now
    assert seconds * (2 << 20) >= size
    assert seconds >= 0.2


@given(st.floats(0, 1))
def test_after_faults_in_a_row_the_next_read_waits_longer_and_ten_seconds_at_most(draw: float) -> None:
    clock = Clock()
    failing, waits = pace(clock, draw), []
    for _ in range(10):
        failing.failed()
        waits.append(failing.due_at - clock.now)
    assert waits == sorted(waits)
    assert 0.25 <= waits[0] <= 0.5
    assert 5 <= waits[-1] <= 10


def test_a_read_that_is_answered_makes_the_waits_short_again(clock: Clock) -> None:
    failing = pace(clock)
    for _ in range(10):
        failing.failed()
    failing.brought(1, is_behind=False)
    failing.failed()
    assert failing.due_at - clock.now <= 0.5


def test_the_wait_is_as_long_as_the_service_asks_for(clock: Clock) -> None:
    asked = pace(clock)
    asked.failed(30.0)
    assert asked.due_at == clock.now + 30
