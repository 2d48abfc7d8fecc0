"""A batch is tried until it has an outcome."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from tests.support.builders import admission, interaction
from tests.support.twins import MeterTwin, PutEventsTwin
from tests.support.virtual_time import in_virtual_time
from worker.core.flow_control.holds import HoldKind
from worker.core.model.outcomes import (
    Accepted,
    Answer,
    Misconfigured,
    Refused,
    Requeued,
    Throttled,
    TransientFault,
)
from worker.core.model.records import Batch
from worker.pipeline.in_flight import InFlight
from worker.pipeline.permits import Permits
from worker.pipeline.retry import RetryingSender
from worker.pipeline.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.core.model.retry_state import RetryState


class Scene:
    """A delivery on twins, and what happened."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self.loop = asyncio.get_running_loop()
        coming = iter(answers)
        self.api = PutEventsTwin(lambda _: next(coming), seconds=0.0)
        self.permits = Permits(admission(1e6, 10), self.loop.time)
        self.permits.set_share(1.0)
        self.ended = Wakeup()
        self.metrics = MeterTwin()
        self.retry: RetryState | None = None
        self.sender = RetryingSender(
            self.api,
            self.permits,
            self.metrics,
            clock=self.loop.time,
            sleep_until=self.ended.wait,
            first_wait_seconds=0.2,
            max_wait_seconds=20,
        )
        self.batch = Batch("s", "u", (interaction(),))

    async def send(self) -> tuple[object, int]:
        flight = InFlight(self.batch, await self.permits.acquire(), self.loop.time(), self.retry)
        try:
            return await self.sender.send(flight)
        finally:
            self.retry = flight.retry
            # As whoever dispatches it does.
            flight.left.clear()

    @property
    def times(self) -> list[float]:
        return [at for at, _, _ in self.api.calls]


@pytest.mark.parametrize(
    "answer", [Accepted(), Refused("InvalidInputException"), Misconfigured("AccessDenied")]
)
def test_an_outcome_is_not_tried_again(answer: Answer) -> None:
    async def scenario() -> None:
        scene = Scene([answer])
        assert await scene.send() == (answer, 1)
        assert scene.permits.limiter.in_flight == 0

    in_virtual_time(scenario())


def test_throttles_and_faults_are_tried_again() -> None:
    async def scenario() -> None:
        scene = Scene([Throttled("t"), TransientFault("f"), Throttled("t"), Accepted()])
        assert await scene.send() == (Accepted(), 4)
        assert scene.metrics.counts == {"Throttled": 2, "TransientFault": 1, "Accepted": 1}
        assert scene.permits.limiter.in_flight == 0

    in_virtual_time(scenario())


class Marked(str):
    """Text that can be watched."""

    __slots__ = ("__weakref__",)


def test_a_batch_that_was_tried_again_is_free_without_the_garbage_collector() -> None:
    async def scenario() -> None:
        scene = Scene([TransientFault("f"), TransientFault("f"), Accepted()])
        user_id = Marked("u")
        scene.batch = Batch("s", user_id, (interaction(),))
        there = weakref.ref(user_id)
        del user_id
        gc.disable()
        try:
            await scene.send()
            # The twin keeps what it was called with.
            scene.api.calls.clear()
            del scene.batch
            assert there() is None
        finally:
            gc.enable()

    in_virtual_time(scenario())


def test_after_a_minute_of_failing_the_batch_goes_back_to_its_queue() -> None:
    async def scenario() -> None:
        scene = Scene([TransientFault("f")] * 1000)
        outcome, calls = await scene.send()
        assert (outcome, calls) == (Requeued(), len(scene.api.calls))
        assert 60 <= scene.loop.time() <= 80
        assert calls > 5

    in_virtual_time(scenario())


def test_what_is_given_back_and_sent_again_has_failed_since_its_first_call() -> None:
    async def scenario() -> None:
        scene = Scene([TransientFault("f")] * 1000)
        for _ in range(3):
            assert (await scene.send())[0] == Requeued()
        assert scene.retry is not None
        assert (scene.retry.since, scene.retry.calls) == (scene.times[0], len(scene.api.calls))
        scene.api.answer = lambda _: Accepted()
        assert await scene.send() == (Accepted(), len(scene.api.calls))
        assert scene.retry is None

    in_virtual_time(scenario())


def test_waits_are_random_and_within_their_doubling_bound() -> None:
    async def scenario() -> None:
        scene = Scene([TransientFault("f")] * 1000)
        await scene.send()
        waits = [later - earlier for earlier, later in zip(scene.times, scene.times[1:], strict=False)]
        for number, wait in enumerate(waits):
            assert wait <= min(20, 0.2 * 2**number) + 0.01
        assert len({round(wait, 6) for wait in waits}) == len(waits)

    in_virtual_time(scenario())


def test_the_api_may_ask_for_a_longer_wait() -> None:
    async def scenario() -> None:
        scene = Scene([Throttled("t", retry_after_seconds=45.0), Accepted()])
        await scene.send()
        assert scene.times[1] - scene.times[0] >= 45

    in_virtual_time(scenario())


def test_an_assignment_that_ends_during_a_wait_ends_it_at_once() -> None:
    async def scenario() -> None:
        scene = Scene([Throttled("t", retry_after_seconds=1000.0)])
        sending = asyncio.create_task(scene.send())
        await asyncio.sleep(1)
        scene.batch.interactions[0].record.assignment.open = False
        scene.ended.wake()
        assert await sending == (Requeued(), 1)
        assert scene.loop.time() < 2

    in_virtual_time(scenario())


def test_an_assignment_that_ends_just_after_a_call_got_its_permit_sends_nothing() -> None:
    async def scenario() -> None:
        scene = Scene([TransientFault("f", retry_after_seconds=2.0)])
        sending = asyncio.create_task(scene.send())
        await asyncio.sleep(1)
        others = [await scene.permits.acquire() for _ in range(10)]
        await asyncio.sleep(3)
        others.pop().release()
        scene.batch.interactions[0].record.assignment.open = False
        assert await sending == (Requeued(), 1)
        assert scene.permits.limiter.in_flight == 9

    in_virtual_time(scenario())


def test_an_assignment_that_ends_elsewhere_interrupts_nobody() -> None:
    async def scenario() -> None:
        scene = Scene([Throttled("t", retry_after_seconds=10.0), Accepted()])
        sending = asyncio.create_task(scene.send())
        await asyncio.sleep(1)
        scene.ended.wake()
        assert await sending == (Accepted(), 2)
        assert scene.loop.time() >= 10

    in_virtual_time(scenario())


def test_while_held_a_call_is_given_back_instead_of_tried_again() -> None:
    async def scenario() -> None:
        scene = Scene([TransientFault("f")])
        sending = asyncio.create_task(scene.send())
        await asyncio.sleep(0)
        scene.permits.hold(HoldKind.MISCONFIGURED, "AccessDenied")
        assert await sending == (Requeued(), 1)

    in_virtual_time(scenario())


def test_a_cancelled_call_gives_its_place_back() -> None:
    async def scenario() -> None:
        scene = Scene([Accepted()])
        scene.api.seconds = 100
        sending = asyncio.create_task(scene.send())
        await asyncio.sleep(1)
        assert scene.permits.limiter.in_flight == 1
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert scene.permits.limiter.in_flight == 0

    in_virtual_time(scenario())
