"""When the next call may go."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import admission
from worker.core.flow_control.holds import HoldKind

if TYPE_CHECKING:
    from worker.core.flow_control.admission import Admission

BURST_SECONDS = 0.05


def open_for(calls_per_second: float = 100, max_in_flight: int = 1000, share: float = 1.0) -> Admission:
    made = admission(calls_per_second, max_in_flight)
    made.limiter.set_share(share, 0.0)
    return made


def calls_let_through(made: Admission, begin: float, seconds: float, *, leave: bool = True) -> int:
    """How many calls go when somebody always wants to."""
    now, calls = begin, 0
    while (opens_at := made.opens_at(now)) <= begin + seconds:
        now = max(now, opens_at) + 1e-9
        if made.opens_at(now) > now:
            continue
        made.admit(now)
        calls += 1
        if leave:
            made.release(now)
    return calls


def test_without_partitions_nothing_goes() -> None:
    assert admission(100, 10).opens_at(5.0) == inf


def test_calls_go_at_the_share_of_the_quota() -> None:
    assert 245 <= calls_let_through(open_for(100, share=0.25), 10.0, 10.0) <= 260


@given(
    rate=st.floats(0.5, 2000),
    pauses=st.lists(st.floats(0, 3), max_size=20),
)
def test_no_second_ever_holds_more_than_rate_and_burst(rate: float, pauses: list[float]) -> None:
    made, now, went = open_for(rate), 0.0, []
    for pause in pauses:
        now += pause
        for _ in range(50):
            if made.opens_at(now) > now:
                break
            made.admit(now)
            made.release(now)
            went.append(now)
    for begin in went:
        within = sum(begin <= at < begin + 1 for at in went)
        assert within <= rate + max(1.0, rate * BURST_SECONDS) + 1


def test_calls_in_flight_are_bounded() -> None:
    made = open_for(max_in_flight=3)
    assert calls_let_through(made, 10.0, 10.0, leave=False) == 3
    assert made.opens_at(100.0) == inf
    made.release(100.0)
    assert made.opens_at(100.0) == 100.0


def test_half_a_quota_that_strangers_left_is_found() -> None:
    """50 a second are taken, 100 configured: most of them are used, few calls are throttled."""
    made, now, tokens, last, sent, throttled = open_for(100), 0.0, 50.0, 0.0, 0, 0
    while now < 300:
        now += 0.001
        if made.opens_at(now) > now:
            continue
        made.admit(now)
        tokens = min(5.0, tokens + 50 * (now - last))
        last = now
        if tokens >= 1:
            tokens -= 1
            sent += 1
            made.limiter.answered(now, now, throttled=False)
        else:
            throttled += 1
            made.limiter.answered(now, now, throttled=True)
        made.release(now)
    assert sent > 0.85 * 50 * 300
    assert throttled < 0.02 * sent


def test_a_hold_stops_everything_but_one_probe_at_growing_intervals() -> None:
    made = open_for()
    made.breaker.hold(HoldKind.MISCONFIGURED, "AccessDenied", 10.0)
    assert made.opens_at(10.0) == 11.0
    made.admit(11.0)
    assert made.opens_at(12.0) == inf
    made.release(12.0)
    assert made.opens_at(12.0) == 14.0 - 1.0
    made.admit(14.0)
    made.release(14.0)
    assert made.opens_at(14.0) == 16.0


def test_a_probe_that_was_not_made_after_all_is_due_still() -> None:
    """There was nothing to send when it could go: the next record is it, and at once."""
    made = open_for()
    made.breaker.hold(HoldKind.MISCONFIGURED, "AccessDenied", 10.0)
    made.admit(11.0)
    made.release(11.0, was_made=False)
    assert made.opens_at(11.0) == 11.0
    made.admit(50.0)
    made.release(50.0)
    assert made.opens_at(50.0) == 51.0


def test_a_hold_for_dead_letters_is_not_probed_with_calls() -> None:
    made = open_for()
    made.breaker.hold(HoldKind.MISCONFIGURED, "AccessDenied", 10.0)
    made.breaker.hold(HoldKind.DEAD_LETTERS, "no such topic", 10.0)
    assert made.opens_at(100.0) == inf
    assert [hold.kind for hold in made.breaker.resume(HoldKind.DEAD_LETTERS)] == ["dead_letters"]
    assert made.opens_at(100.0) <= 100.0


def test_a_hold_is_told_once() -> None:
    made = open_for()
    assert made.breaker.hold(HoldKind.REFUSALS, "InvalidInput", 1.0)
    assert not made.breaker.hold(HoldKind.REFUSALS, "InvalidInput", 2.0)
    assert made.breaker.holds[0].since == 1.0


def test_a_probe_waits_for_the_calls_that_are_still_in_flight() -> None:
    made = open_for()
    made.admit(10.0)
    made.breaker.hold(HoldKind.MISCONFIGURED, "AccessDenied", 10.0)
    assert made.opens_at(50.0) == inf
    made.release(50.0)
    assert made.opens_at(50.0) <= 51.0


def test_after_a_smaller_share_no_more_goes_at_once_than_a_burst_of_it() -> None:
    """What was saved up under a larger share would be more than the API bears from this pod now."""
    made = open_for(10_000, share=1.0)
    for now in (1.0, 2.5):
        for _ in range(40):
            made.limiter.answered(now, now, throttled=True)
    made.limiter.set_share(0.5, 4.0)
    calls = 0
    while made.opens_at(4.0) <= 4.0:
        made.admit(4.0)
        calls += 1
    assert 1 <= calls <= made.limiter.rate * BURST_SECONDS
