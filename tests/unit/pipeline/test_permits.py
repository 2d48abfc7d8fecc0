"""Waiting at the made."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.support.builders import admission
from tests.support.virtual_time import in_virtual_time
from worker.core.flow_control.holds import HoldKind
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Throttled
from worker.pipeline.permits import Permits


def permits(calls_per_second: float = 1000, max_in_flight: int = 1) -> Permits:
    made = Permits(admission(calls_per_second, max_in_flight), asyncio.get_running_loop().time)
    made.set_share(1.0)
    return made


def test_the_next_goes_when_one_has_left() -> None:
    async def scenario() -> None:
        made = permits()
        permit = await made.acquire()
        waiting = asyncio.create_task(made.acquire())
        await asyncio.sleep(100)
        assert not waiting.done()
        permit.release(Accepted())
        assert await waiting

    in_virtual_time(scenario())


def test_a_permit_is_released_once() -> None:
    """A second time would count a call in flight as over that is not."""

    async def scenario() -> None:
        made = permits(max_in_flight=2)
        permit, other = await made.acquire(), await made.acquire()
        permit.release(Accepted())
        with pytest.raises(RuntimeError, match="once"):
            permit.release(Accepted())
        assert made.limiter.in_flight == 1
        other.release()
        assert made.limiter.in_flight == 0

    in_virtual_time(scenario())


def test_those_that_go_again_and_those_that_are_new_take_turns() -> None:
    async def scenario() -> None:
        made, order = permits(), []

        async def go(name: str, *, again: bool) -> None:
            permit = await (made.acquire_again() if again else made.acquire())
            assert permit is not None
            order.append(name)
            permit.release(Accepted())

        permit = await made.acquire()
        async with asyncio.TaskGroup() as tasks:
            for name in ("new1", "new2", "again1", "again2"):
                tasks.create_task(go(name, again=name.startswith("again")))
            await asyncio.sleep(1)
            permit.release(Accepted())
        assert order == ["again1", "new1", "again2", "new2"]

    in_virtual_time(scenario())


def test_calls_go_at_the_rate() -> None:
    async def scenario() -> float:
        made = permits(calls_per_second=10)
        for _ in range(101):
            permit = await made.acquire()
            permit.release(Accepted())
        return asyncio.get_running_loop().time()

    assert 9.5 < in_virtual_time(scenario()) < 10.5


def test_a_hold_turns_away_whoever_goes_again_and_keeps_the_new() -> None:
    async def scenario() -> None:
        made = permits()
        permit = await made.acquire()
        again, new = asyncio.create_task(made.acquire_again()), asyncio.create_task(made.acquire())
        await asyncio.sleep(1)
        permit.release(Misconfigured("AccessDeniedException"))
        assert not await again
        assert not await made.acquire_again()
        assert await new  # as the probe, after its interval
        assert asyncio.get_running_loop().time() > 1.9

    in_virtual_time(scenario())


def test_an_accepted_probe_ends_the_hold() -> None:
    async def scenario() -> None:
        made = permits()
        made.hold(HoldKind.MISCONFIGURED, "AccessDeniedException")
        permit = await made.acquire()
        permit.release(Accepted())
        assert not made.breaker.holds

    in_virtual_time(scenario())


def test_a_refused_probe_ends_a_hold_for_credentials_but_not_one_for_refusals() -> None:
    async def scenario() -> None:
        made = permits()
        made.hold(HoldKind.MISCONFIGURED, "AccessDeniedException")
        made.hold(HoldKind.REFUSALS, "InvalidInputException")
        permit = await made.acquire()
        permit.release(Refused("InvalidInputException"))
        assert [hold.kind for hold in made.breaker.holds] == ["refusals"]

    in_virtual_time(scenario())


def test_throttling_slows_down() -> None:
    async def scenario() -> None:
        made = permits()
        for _ in range(40):
            permit = await made.acquire()
            sent_at = asyncio.get_running_loop().time()
            await asyncio.sleep(0.1)
            permit.release(Throttled("ThrottlingException"), sent_at)
        assert made.limiter.rate < 1000

    in_virtual_time(scenario())


def test_whoever_is_cancelled_while_waiting_takes_no_place() -> None:
    async def scenario() -> None:
        made = permits()
        permit = await made.acquire()
        waiting = asyncio.create_task(made.acquire())
        await asyncio.sleep(1)
        waiting.cancel()
        permit.release(Accepted())
        await asyncio.gather(waiting, return_exceptions=True)
        assert made.limiter.in_flight == 0
        assert await made.acquire()

    in_virtual_time(scenario())


def test_whoever_is_cancelled_just_as_it_is_let_through_gives_its_place_back() -> None:
    async def scenario() -> None:
        made = permits()
        permit = await made.acquire()
        waiting = asyncio.create_task(made.acquire())
        await asyncio.sleep(1)
        permit.release(Accepted())
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert made.limiter.in_flight == 0

    in_virtual_time(scenario())


def test_without_a_share_nobody_goes_until_there_is_one() -> None:
    async def scenario() -> None:
        made = permits()
        made.set_share(0.0)
        waiting = asyncio.create_task(made.acquire())
        await asyncio.sleep(100)
        assert not waiting.done()
        made.set_share(0.5)
        assert await waiting

    in_virtual_time(scenario())


def test_a_hold_is_told_at_once_and_then_at_growing_intervals() -> None:
    async def scenario() -> None:
        made = permits()
        with capture_logs() as lines:
            for _ in range(120):
                made.hold(HoldKind.MISCONFIGURED, "AccessDeniedException")
                await asyncio.sleep(1)
            made.resume(HoldKind.MISCONFIGURED)
        held = [line for line in lines if line["event"] == "sending.held"]
        assert [line["times"] for line in held] == [1, 10, 60]
        assert "personalize:PutEvents" in held[0]["advice"]
        assert held[0]["probe"] == "one event is sent"
        assert [line["next_probe_seconds"] for line in held] == [1.0, 0.0, 0.0]
        assert lines[-1]["event"] == "sending.resumed"

    in_virtual_time(scenario())


def test_a_hold_is_told_again_while_nothing_new_comes_of_it() -> None:
    """Nobody sends, so no answer comes that could be told."""

    async def scenario() -> None:
        made = permits()
        with capture_logs() as lines:
            made.hold(HoldKind.MISCONFIGURED, "AccessDeniedException")
            await asyncio.sleep(1000)
            made.resume(HoldKind.MISCONFIGURED)
            await asyncio.sleep(1000)
        held = [line for line in lines if line["event"] == "sending.held"]
        assert [line["times"] for line in held] == [1, 0, 0, 0, 0, 0]
        assert [line["held_seconds"] for line in held] == [0, 10.5, 73.5, 378, 682.5, 987]
        assert lines[-1]["event"] == "sending.resumed"

    in_virtual_time(scenario())


def test_a_hold_that_comes_again_is_told_at_once() -> None:
    async def scenario() -> None:
        made = permits()
        with capture_logs() as lines:
            for reason in ("ExpiredToken", "AccessDeniedException", "ExpiredToken"):
                made.hold(HoldKind.MISCONFIGURED, reason)
                made.resume(HoldKind.MISCONFIGURED)
        assert [line["event"] for line in lines] == ["sending.held", "sending.resumed"] * 3

    in_virtual_time(scenario())


def test_a_hold_says_what_is_probed_and_when_next() -> None:
    async def scenario() -> None:
        made = permits()
        made.hold(HoldKind.MISCONFIGURED, "AccessDeniedException")
        await asyncio.sleep(0.25)
        (held,) = made.holds()
        assert (held.held_seconds, held.probe, held.next_probe_seconds) == (0.25, "one event is sent", 0.75)
        permit = await made.acquire()
        (held,) = made.holds()
        assert held.next_probe_seconds is None  # it is under way
        permit.release(Misconfigured("AccessDeniedException"))
        (held,) = made.holds()
        assert held.next_probe_seconds == 1.0

    in_virtual_time(scenario())


def test_a_hold_for_dead_letters_keeps_the_others_from_being_probed() -> None:
    async def scenario() -> None:
        made = permits()
        made.probed_elsewhere(HoldKind.DEAD_LETTERS, lambda: 5.0)
        made.hold(HoldKind.MISCONFIGURED, "AccessDeniedException")
        made.hold(HoldKind.DEAD_LETTERS, "no such topic")
        first, second = made.holds()
        assert first.probe == "one event is sent"
        assert (first.probe_waits_until, second.probe_waits_until) == (
            "the hold for dead_letters is over",
            None,
        )
        assert (first.next_probe_seconds, second.next_probe_seconds) == (None, 5.0)
        assert second.probe == "the letters are written again"

    in_virtual_time(scenario())


def test_refused_keys_of_the_environment_are_told_with_what_fixes_them() -> None:
    async def scenario() -> None:
        made = permits()
        permit = await made.acquire()
        permit.release(Misconfigured("UnrecognizedClientException", keys_from_environment=True))
        (held,) = made.holds()
        assert "restart the pod" in held.advice

    in_virtual_time(scenario())


def test_a_signature_refused_for_the_clock_is_told_with_how_far_it_is_off() -> None:
    async def scenario() -> None:
        made = permits()
        permit = await made.acquire()
        permit.release(Misconfigured("InvalidSignatureException", "", -312.4))
        (held,) = made.holds()
        assert held.advice == "the clock is 312 s behind the API's: set it right"

    in_virtual_time(scenario())
