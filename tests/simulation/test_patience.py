"""A wait that grows with the work, and ends soon where none is done."""

from __future__ import annotations

import pytest

from tests.simulation.making import make_schedule
from tests.simulation.patience import STANDSTILL_SECONDS, Patience
from tests.simulation.playing import play


def test_who_works_on_is_waited_for_as_long_as_the_rate_makes_it_last() -> None:
    patience = Patience(0.0, events=2000, calls_per_second=1.0)
    assert not any(patience.is_over(now, stands=now) for now in range(2000))


def test_who_works_for_ever_is_not_waited_for() -> None:
    patience = Patience(0.0, events=10, calls_per_second=1.0)
    assert any(patience.is_over(now, stands=now) for now in range(1000))


@pytest.mark.parametrize("events", [0, 100_000])
def test_a_standstill_is_found_as_soon_with_much_to_do_as_with_little(events: int) -> None:
    patience = Patience(0.0, events, calls_per_second=1.0)
    assert not patience.is_over(0.0, stands="here")
    assert not patience.is_over(STANDSTILL_SECONDS, stands="here")
    assert patience.is_over(STANDSTILL_SECONDS + 1, stands="here")


@pytest.mark.usefixtures("simulation")
def test_a_slow_member_with_much_to_deliver_is_not_stuck() -> None:
    # 1,200 events and more at three calls a second, each with one event.
    assert play(make_schedule(11702)).broken is None
