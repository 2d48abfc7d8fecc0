"""Sends a batch until it has an outcome: the only place where calls are retried.

A throttled call and a transient fault are retried with full jitter (AWS Architecture Blog, "Exponential
Backoff and Jitter"), each time with a new permit. That goes on for ever, but after a minute of retries the
batch goes back to its queue, because others may be waiting for its place. A batch that fails although all
other sessions' calls are accepted is treated as refused in the end (``core.flow_control.isolation``). The
first try is made without tenacity, which costs some ten microseconds: most calls need no second try.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard, cast

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, wait_random_exponential

from worker.core.flow_control.isolation import Isolation
from worker.core.log_throttle import LogThrottle
from worker.core.model.outcomes import Refused, Requeued, Throttled, TransientFault
from worker.core.model.retry_state import RetryState
from worker.core.sampling import OneIn
from worker.pipeline.samples import log_call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from tenacity.wait import wait_base

    from worker.core.model.outcomes import Answer, Outcome
    from worker.core.model.records import Batch
    from worker.core.offsets.assignment import Assignment
    from worker.pipeline.in_flight import InFlight
    from worker.pipeline.permits import Permits
    from worker.ports import PipelineMetrics, PutEvents

log = structlog.get_logger(__name__)

# How long a failing batch keeps its place among the batches in flight.
_TURN_SECONDS = 60


class RetryingSender:
    """Takes a batch to its outcome, call by call.

    Args:
        put_events: makes one call, without retries.
        permits: where each further try waits.
        metrics: counts the answers.
        clock: the loop's.
        sleep_until: waits until a time of ``clock``, or less if an assignment ends meanwhile.
        first_wait_seconds: the first wait is random between 0 and this; the bound doubles with each try.
        max_wait_seconds: no wait is longer, unless the API asks for it.
        sample: chooses the calls that are logged at level debug; by default, one in a thousand.
    """

    def __init__(  # noqa: PLR0913  a retry needs two ways to wait and two bounds
        self,
        put_events: PutEvents,
        permits: Permits,
        metrics: PipelineMetrics,
        *,
        clock: Callable[[], float],
        sleep_until: Callable[[float], Awaitable[None]],
        first_wait_seconds: float,
        max_wait_seconds: float,
        sample: OneIn | None = None,
    ) -> None:
        self._put_events = put_events
        self._permits = permits
        self._metrics = metrics
        self._clock = clock
        self._sleep_until = sleep_until
        self._isolation = Isolation()
        self._log_throttle = LogThrottle()
        self._sample = sample or OneIn()
        self._wait = _as_asked_or(
            wait_random_exponential(multiplier=first_wait_seconds, max=max_wait_seconds)
        )

    async def send(self, flight: InFlight) -> tuple[Outcome, int]:
        """Send the first batch of what is left of ``flight``, whose permit is acquired.

        Returns:
            The batch's outcome, and how many calls that took. The permit is released with the answer of each
            call.
        """
        answer = await self._call(flight)
        if isinstance(answer, Throttled | TransientFault):
            return await self._call_again(flight, answer)
        if isinstance(answer, Requeued):
            return answer, 0
        before, flight.retry = flight.retry, None
        return answer, 1 if before is None else before.calls + 1

    async def _call_again(self, flight: InFlight, first: Throttled | TransientFault) -> tuple[Outcome, int]:
        retry, outcome = self._note_failure(flight, first), None
        try:
            outcome = await self._call_until_it_is_over(flight, first, retry)
            return outcome, retry.calls
        finally:
            # A requeued batch is tried again: seen from outside, it has been failing since its first call.
            if not isinstance(outcome, Requeued):
                flight.retry = None

    def _note_failure(self, flight: InFlight, first: Throttled | TransientFault) -> RetryState:
        if flight.retry is None:
            flight.retry = RetryState(first.code, self._clock())
        else:
            flight.retry.calls, flight.retry.code = flight.retry.calls + 1, first.code
        return flight.retry

    async def _call_until_it_is_over(self, flight: InFlight, first: Answer, retry: RetryState) -> Outcome:
        turn_ends_at = self._clock() + _TURN_SECONDS
        # tenacity's state refers to itself, so it lives until the garbage collector runs. It must not refer
        # to a batch, whose records may take megabytes. A flight is emptied when it is over.
        assignments = {each.record.assignment for each in flight.left[0].interactions}
        known: list[Answer] = [first]

        async def attempt() -> Answer | Requeued:
            if known:  # tenacity is entered with the first answer in hand, so that its first act is to wait
                return known.pop()
            if not flight.left[0].is_ours() or not await flight.acquire_again(self._permits):
                return Requeued()
            answer = await self._call(flight)
            retry.calls += not isinstance(answer, Requeued)
            if _is_passing(answer):
                retry.code = answer.code
            return answer

        retrying = AsyncRetrying(
            retry=retry_if_result(_is_passing),
            wait=self._wait,
            # By the loop's clock, which tenacity's own stop_after_delay does not use.
            stop=lambda _: self._clock() >= turn_ends_at,
            retry_error_callback=_requeue,
            sleep=lambda seconds: self._sleep(assignments, seconds),
        )
        return cast("Outcome", await retrying(attempt))

    async def _call(self, flight: InFlight) -> Answer | Requeued:
        """Make one call; the permit for it is released here, whatever happens."""
        batch = flight.left[0]
        if not batch.is_ours():
            # An assignment has ended since the permit was acquired.
            flight.release()
            return Requeued()
        sent_at = self._clock()
        seen: Answer | None = None
        try:
            answer = await self._put_events.put(batch)
            seen, meant = self._isolation.judge(batch, answer, sent_at, self._clock())
        finally:
            flight.release(seen, sent_at)
        seconds = self._clock() - sent_at
        self._metrics.answered(seen, seconds)
        if self._sample.among(1):
            log_call(batch, seen, seconds, flight.retry)
        if isinstance(meant, Refused) and meant is not seen:
            self._tell(batch, meant.code)
        return meant

    def _tell(self, batch: Batch, code: str) -> None:
        """Log that a batch is treated as refused because of its content."""
        if times := self._log_throttle.note(code, self._clock()):
            then = "halved" if len(batch.interactions) > 1 else "a dead letter"
            log.warning("content.isolated", code=code, then=then, times=times)

    async def _sleep(self, assignments: Collection[Assignment], seconds: float) -> None:
        until = self._clock() + seconds
        while self._clock() < until and all(each.open for each in assignments):
            await self._sleep_until(until)


def _is_passing(answer: Answer | Requeued) -> TypeGuard[Throttled | TransientFault]:
    return isinstance(answer, Throttled | TransientFault)


def _requeue(_: RetryCallState) -> Requeued:
    return Requeued()


def _as_asked_or(jittered: wait_base) -> Callable[[RetryCallState], float]:
    """Wait as long as the API asks for, or ``jittered``, whichever is longer."""

    def wait(state: RetryCallState) -> float:
        seconds = jittered(state)
        answer = state.outcome.result() if state.outcome else None
        asked = answer.retry_after_seconds if isinstance(answer, Throttled | TransientFault) else None
        return max(seconds, asked or 0.0)

    return wait
