"""Tries a batch until it has an outcome: the only retry there is.

A throttled call and a passing fault are tried again with full jitter (AWS Architecture Blog, "Exponential
Backoff and Jitter"), through the gate each time; for ever, but after each minute of it the batch goes back to
its queue, for others may wait for its place. What fails though all others' calls are accepted is in the end
taken for refused (``core.isolation``). The first try is made plainly: tenacity costs some ten microseconds,
and most calls need no second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard, cast

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, wait_random_exponential

from worker.core.flow_control.isolation import Isolation
from worker.core.log_throttle import LogThrottle
from worker.core.model.outcomes import Refused, Requeued, Throttled, TransientFault
from worker.core.model.retry_state import RetryState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from tenacity.wait import wait_base

    from worker.core.model.outcomes import Answer, Outcome
    from worker.core.model.records import Batch
    from worker.core.offsets.assignment import Assignment
    from worker.ports import Permits, PipelineMetrics, PutEvents

log = structlog.get_logger(__name__)

# How long a batch keeps its place among those that are under way while it fails.
_TURN_SECONDS = 60
# In an outage of hours every session comes to be tried: of so many at most it is known since when, some 2 MB.
_REMEMBERED = 10_000


class RetryingSender:
    """Takes a batch to its outcome, call by call."""

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
        retry_states: dict[str, RetryState] | None = None,
    ) -> None:
        """Send through ``put_events`` at the pace of ``permits``.

        Args:
            put_events: one call, tried once.
            permits: where each further try waits; the first one's pass is taken by whoever calls ``send``.
            metrics: counts the answers.
            clock: the loop's.
            sleep_until: waits until a time of ``clock``, or less long when an assignment has ended meanwhile.
            first_wait_seconds: the first wait is random between 0 and this; the bound doubles with each.
            max_wait_seconds: no wait is longer, unless the API asks for it.
            retry_states: where to note retries, by session: whoever keeps the sessions takes out those
                that are gone.
        """
        self._put_events = put_events
        self._permits = permits
        self._metrics = metrics
        self._clock = clock
        self._sleep_until = sleep_until
        self.retry_states: dict[str, RetryState] = {} if retry_states is None else retry_states
        """What is tried again, by session, also while given back; a first call under way is not in it."""
        self._isolation = Isolation()
        self._log_throttle = LogThrottle()
        self._wait = _as_asked_or(
            wait_random_exponential(multiplier=first_wait_seconds, max=max_wait_seconds)
        )

    async def send(self, batch: Batch) -> tuple[Outcome, int]:
        """The batch's outcome, and how many calls it took."""
        answer = await self._call(batch)
        if isinstance(answer, Throttled | TransientFault):
            return await self._call_again(batch, answer)
        if isinstance(answer, Requeued):
            return answer, 0
        before = self.retry_states.pop(batch.session_id, None)
        return answer, 1 if before is None else before.calls + 1

    async def _call_again(self, batch: Batch, first: Throttled | TransientFault) -> tuple[Outcome, int]:
        retry_state, outcome = self._note_failure(batch, first), None
        try:
            outcome = await self._call_until_it_is_over(batch, first, retry_state)
            return outcome, retry_state.calls
        finally:
            # What is given back is tried again: for whoever waits for it, it has failed since its first call.
            if not isinstance(outcome, Requeued) or len(self.retry_states) > _REMEMBERED:
                self.retry_states.pop(batch.session_id, None)

    def _note_failure(self, batch: Batch, first: Throttled | TransientFault) -> RetryState:
        retry_state = self.retry_states.get(batch.session_id)
        if retry_state is None:
            retry_state = self.retry_states[batch.session_id] = RetryState(first.code, self._clock())
        else:
            retry_state.calls, retry_state.code = retry_state.calls + 1, first.code
        return retry_state

    async def _call_until_it_is_over(self, batch: Batch, first: Answer, retry_state: RetryState) -> Outcome:
        turn_ends_at = self._clock() + _TURN_SECONDS
        # tenacity's state refers to itself, so it is there until the garbage collector comes by: it must not
        # refer to the batch, whose records may take megabytes.
        assignments = {each.record.assignment for each in batch.interactions}
        known: list[Answer] = [first]

        async def attempt() -> Answer | Requeued:
            if known:  # tenacity is entered with the first answer in hand, so that its first act is to wait
                return known.pop()
            if not batch.is_ours() or not await self._permits.enter(again=True):
                return Requeued()
            answer = await self._call(batch)
            retry_state.calls += not isinstance(answer, Requeued)
            if _is_passing(answer):
                retry_state.code = answer.code
            return answer

        retrying = AsyncRetrying(
            retry=retry_if_result(_is_passing),
            wait=self._wait,
            # By the loop's clock, which tenacity's own stop_after_delay does not go by.
            stop=lambda _: self._clock() >= turn_ends_at,
            retry_error_callback=_give_back,
            sleep=lambda seconds: self._sleep(assignments, seconds),
        )
        return cast("Outcome", await retrying(attempt))

    async def _call(self, batch: Batch) -> Answer | Requeued:
        """One call; the pass for it is taken, and is given back whatever happens."""
        if not batch.is_ours():
            # An assignment has ended since the gate let the call pass.
            self._permits.leave()
            return Requeued()
        sent_at = self._clock()
        seen: Answer | None = None
        try:
            answer = await self._put_events.put(batch)
            seen, meant = self._isolation.judge(batch, answer, sent_at, self._clock())
        finally:
            self._permits.leave(seen, sent_at)
        self._metrics.answered(seen, self._clock() - sent_at)
        if isinstance(meant, Refused) and meant is not seen:
            self._tell(batch, meant.code)
        return meant

    def _tell(self, batch: Batch, code: str) -> None:
        """Say that a batch is taken for refused by its content."""
        if times := self._log_throttle.note(code, self._clock()):
            then = "halved" if len(batch.interactions) > 1 else "a dead letter"
            log.warning("content.isolated", code=code, then=then, times=times)

    async def _sleep(self, assignments: Collection[Assignment], seconds: float) -> None:
        until = self._clock() + seconds
        while self._clock() < until and all(each.open for each in assignments):
            await self._sleep_until(until)


def _is_passing(answer: Answer | Requeued) -> TypeGuard[Throttled | TransientFault]:
    return isinstance(answer, Throttled | TransientFault)


def _give_back(_: RetryCallState) -> Requeued:
    return Requeued()


def _as_asked_or(jittered: wait_base) -> Callable[[RetryCallState], float]:
    """Wait as long as the API asks for, or ``jittered``, whichever is longer."""

    def wait(state: RetryCallState) -> float:
        seconds = jittered(state)
        answer = state.outcome.result() if state.outcome else None
        asked = answer.retry_after_seconds if isinstance(answer, Throttled | TransientFault) else None
        return max(seconds, asked or 0.0)

    return wait
