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
from worker.core.log_throttle import Repeats
from worker.core.model.outcomes import GivenBack, PassingFault, Refused, Throttled
from worker.core.model.retry_state import Trying

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from tenacity.wait import wait_base

    from worker.core.model.outcomes import Answer, Outcome
    from worker.core.model.records import Batch
    from worker.core.offsets.assignment import Lease
    from worker.ports import Meter, PutEvents, Turnstile

log = structlog.get_logger(__name__)

# How long a batch keeps its place among those that are under way while it fails.
_TURN_SECONDS = 60
# In an outage of hours every session comes to be tried: of so many at most it is known since when, some 2 MB.
_REMEMBERED = 10_000


class Delivery:
    """Takes a batch to its outcome, call by call."""

    def __init__(  # noqa: PLR0913  a retry needs two ways to wait and two bounds
        self,
        put_events: PutEvents,
        turnstile: Turnstile,
        meter: Meter,
        *,
        clock: Callable[[], float],
        sleep_until: Callable[[float], Awaitable[None]],
        first_wait_seconds: float,
        max_wait_seconds: float,
        trying: dict[str, Trying] | None = None,
    ) -> None:
        """Send through ``put_events`` at the pace of ``turnstile``.

        Args:
            put_events: one call, tried once.
            turnstile: where each further try waits; the first one's pass is taken by whoever calls ``send``.
            meter: counts the answers.
            clock: the loop's.
            sleep_until: waits until a time of ``clock``, or less long when a lease has ended meanwhile.
            first_wait_seconds: the first wait is random between 0 and this; the bound doubles with each.
            max_wait_seconds: no wait is longer, unless the API asks for it.
            trying: where to note what is tried again, by session: whoever keeps the sessions takes out those
                that are gone.
        """
        self._put_events = put_events
        self._turnstile = turnstile
        self._meter = meter
        self._clock = clock
        self._sleep_until = sleep_until
        self.trying: dict[str, Trying] = {} if trying is None else trying
        """What is tried again, by session, also while given back; a first call under way is not in it."""
        self._isolation = Isolation()
        self._repeats = Repeats()
        self._wait = _as_asked_or(
            wait_random_exponential(multiplier=first_wait_seconds, max=max_wait_seconds)
        )

    async def send(self, batch: Batch) -> tuple[Outcome, int]:
        """The batch's outcome, and how many calls it took."""
        answer = await self._call(batch)
        if isinstance(answer, Throttled | PassingFault):
            return await self._call_again(batch, answer)
        if isinstance(answer, GivenBack):
            return answer, 0
        before = self.trying.pop(batch.session_id, None)
        return answer, 1 if before is None else before.calls + 1

    async def _call_again(self, batch: Batch, first: Throttled | PassingFault) -> tuple[Outcome, int]:
        trying, outcome = self._note_failure(batch, first), None
        try:
            outcome = await self._call_until_it_is_over(batch, first, trying)
            return outcome, trying.calls
        finally:
            # What is given back is tried again: for whoever waits for it, it has failed since its first call.
            if not isinstance(outcome, GivenBack) or len(self.trying) > _REMEMBERED:
                self.trying.pop(batch.session_id, None)

    def _note_failure(self, batch: Batch, first: Throttled | PassingFault) -> Trying:
        trying = self.trying.get(batch.session_id)
        if trying is None:
            trying = self.trying[batch.session_id] = Trying(first.code, self._clock())
        else:
            trying.calls, trying.code = trying.calls + 1, first.code
        return trying

    async def _call_until_it_is_over(self, batch: Batch, first: Answer, trying: Trying) -> Outcome:
        turn_ends_at = self._clock() + _TURN_SECONDS
        # tenacity's state refers to itself, so it is there until the garbage collector comes by: it must not
        # refer to the batch, whose records may take megabytes.
        leases = {each.record.lease for each in batch.interactions}
        known: list[Answer] = [first]

        async def attempt() -> Answer | GivenBack:
            if known:  # tenacity is entered with the first answer in hand, so that its first act is to wait
                return known.pop()
            if not batch.is_ours() or not await self._turnstile.enter(again=True):
                return GivenBack()
            answer = await self._call(batch)
            trying.calls += not isinstance(answer, GivenBack)
            if _is_passing(answer):
                trying.code = answer.code
            return answer

        retrying = AsyncRetrying(
            retry=retry_if_result(_is_passing),
            wait=self._wait,
            # By the loop's clock, which tenacity's own stop_after_delay does not go by.
            stop=lambda _: self._clock() >= turn_ends_at,
            retry_error_callback=_give_back,
            sleep=lambda seconds: self._sleep(leases, seconds),
        )
        return cast("Outcome", await retrying(attempt))

    async def _call(self, batch: Batch) -> Answer | GivenBack:
        """One call; the pass for it is taken, and is given back whatever happens."""
        if not batch.is_ours():
            # A lease has ended since the gate let the call pass.
            self._turnstile.leave()
            return GivenBack()
        sent_at = self._clock()
        seen: Answer | None = None
        try:
            answer = await self._put_events.put(batch)
            seen, meant = self._isolation.judge(batch, answer, sent_at, self._clock())
        finally:
            self._turnstile.leave(seen, sent_at)
        self._meter.answered(seen, self._clock() - sent_at)
        if isinstance(meant, Refused) and meant is not seen:
            self._tell(batch, meant.code)
        return meant

    def _tell(self, batch: Batch, code: str) -> None:
        """Say that a batch is taken for refused by its content."""
        if times := self._repeats.note(code, self._clock()):
            then = "halved" if len(batch.interactions) > 1 else "a dead letter"
            log.warning("content.isolated", code=code, then=then, times=times)

    async def _sleep(self, leases: Collection[Lease], seconds: float) -> None:
        until = self._clock() + seconds
        while self._clock() < until and all(each.open for each in leases):
            await self._sleep_until(until)


def _is_passing(answer: Answer | GivenBack) -> TypeGuard[Throttled | PassingFault]:
    return isinstance(answer, Throttled | PassingFault)


def _give_back(_: RetryCallState) -> GivenBack:
    return GivenBack()


def _as_asked_or(jittered: wait_base) -> Callable[[RetryCallState], float]:
    """Wait as long as the API asks for, or ``jittered``, whichever is longer."""

    def wait(state: RetryCallState) -> float:
        seconds = jittered(state)
        answer = state.outcome.result() if state.outcome else None
        asked = answer.retry_after_seconds if isinstance(answer, Throttled | PassingFault) else None
        return max(seconds, asked or 0.0)

    return wait
