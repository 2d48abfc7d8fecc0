"""How many calls the worker would make of a topic's traffic, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.commands.try_.pace import Arrival, call_times, pace_of

BEGIN = 1_767_225_600.0


def arrivals(*each: tuple[float, str, str | None]) -> list[Arrival]:
    return [Arrival(BEGIN + at, session, user) for at, session, user in each]


def test_events_of_a_session_within_a_linger_are_a_call() -> None:
    events = arrivals((0, "a", "u"), (0.5, "a", "u"), (0.9, "b", "u"), (5, "a", "u"))
    assert call_times(events, 1, 10) == [BEGIN + 1, BEGIN + 1.9, BEGIN + 6]


def test_a_login_is_another_call() -> None:
    assert len(call_times(arrivals((0, "a", None), (0.1, "a", "u")), 1, 10)) == 2


def test_a_full_call_does_not_linger() -> None:
    times = call_times(arrivals(*((0.01 * number, "a", "u") for number in range(10))), 100, 10)
    assert times == [pytest.approx(BEGIN + 0.09)]


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.sampled_from("abc"), st.sampled_from(["u", "v", None])), max_size=60
    ),
    st.floats(0, 10),
    st.integers(1, 10),
)
def test_every_event_is_in_a_call_and_no_call_holds_too_many(
    events: list[tuple[float, str, str | None]], linger: float, most: int
) -> None:
    calls = len(call_times(arrivals(*events), linger, most))
    assert len(events) / most <= calls <= len(events)


def test_the_pace_is_that_of_the_time_which_was_looked_at() -> None:
    times = [BEGIN + second for second in range(120)] + [BEGIN + 60.5] * 60
    pace = pace_of(sorted(times), BEGIN, BEGIN + 120)
    assert pace.mean == pytest.approx(1.5)
    assert (pace.busiest, pace.busiest_at) == (2.0, BEGIN + 60)
    assert pace_of([BEGIN - 9, BEGIN + 1], BEGIN, BEGIN + 10).calls == 1


def test_an_instant_has_no_pace() -> None:
    assert pace_of([BEGIN], BEGIN, BEGIN).mean is None
    assert pace_of([], BEGIN, BEGIN + 10).mean is None
