"""How far our clock is off, by what the API says."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from worker.aws.clock import ApiClock

NOW = 1_700_000_000


class Clocks:
    """Our clock, and one that never jumps."""

    def __init__(self) -> None:
        self.epoch = float(NOW)
        self.monotonic = 0.0
        self.clock = ApiClock(lambda: self.epoch, lambda: self.monotonic)

    def observe(self, api_seconds: float) -> None:
        self.clock.observe(formatdate(api_seconds, usegmt=True).encode())


def test_before_the_first_answer_nobody_knows() -> None:
    assert Clocks().clock.ahead_seconds() is None


@pytest.mark.parametrize("off", [-312, 0, 3600])
def test_it_is_known_to_a_second(off: int) -> None:
    clocks = Clocks()
    clocks.observe(NOW - off)
    assert clocks.clock.ahead_seconds() == pytest.approx(off, abs=1)


def test_the_same_second_again_tells_nothing_new() -> None:
    """A thousand answers in that second cost a comparison each."""
    clocks = Clocks()
    clocks.observe(NOW)
    clocks.epoch += 0.9
    clocks.observe(NOW)
    assert clocks.clock.ahead_seconds() == -0.5


@given(st.binary(max_size=40))
def test_whatever_is_in_the_header_nothing_is_raised(date: bytes) -> None:
    clock = ApiClock(lambda: NOW, lambda: 0.0)
    clock.observe(date)
    clock.ahead_seconds()


def test_a_clock_that_is_off_is_said_at_growing_intervals_and_that_it_is_right_again() -> None:
    clocks = Clocks()
    with capture_logs() as lines:
        for second in range(120):
            clocks.monotonic, clocks.epoch = second, NOW + second
            clocks.observe(NOW + second + (312 if second < 100 else 0))
    off = {"ahead_seconds": -312, "says": "the clock is 312 s behind the API's"}
    assert [{key: line[key] for key in off} for line in lines[:-1]] == [off] * 3
    assert lines[-1] == {"event": "clock.right", "log_level": "info", "ahead_seconds": 0}


def test_a_clock_that_was_set_right_is_right_though_no_answer_came_since() -> None:
    """With nothing to send there may be none for hours."""
    clocks = Clocks()
    clocks.observe(NOW + 312)
    clocks.epoch, clocks.monotonic = NOW + 1000, 1000
    assert clocks.clock.ahead_seconds() == pytest.approx(-312, abs=1)
    clocks.epoch += 312
    assert clocks.clock.ahead_seconds() == pytest.approx(0, abs=1)


def test_a_host_that_was_suspended_has_no_wrong_clock() -> None:
    clocks = Clocks()
    clocks.observe(NOW)
    clocks.epoch, clocks.monotonic = NOW + 3600, 10
    assert clocks.clock.ahead_seconds() == pytest.approx(0, abs=1)


def test_a_clock_that_is_a_little_off_is_nobodys_business() -> None:
    clocks = Clocks()
    with capture_logs() as lines:
        clocks.observe(NOW + 20)
    assert lines == []
