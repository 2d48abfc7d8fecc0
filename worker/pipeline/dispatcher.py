"""Dispatches one sealed batch and follows it to its end.

An accepted batch is settled. A batch refused for its content is halved, and the earlier half is sent first,
until the bad event stands alone; that one goes to the dead letters. If sending is held or an assignment has
ended, the events that are still ours go back to the head of their session's queue. Only then may the
session's next call go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from worker.core.flow_control.holds import HoldKind
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Requeued
from worker.core.model.records import REFUSED, Reason

if TYPE_CHECKING:
    from worker.core.flow_control.refusal_streak import RefusalStreak
    from worker.pipeline.dead_letter_queue import DeadLetterQueue
    from worker.pipeline.in_flight import InFlight
    from worker.pipeline.retry import RetryingSender
    from worker.pipeline.state import PipelineState


class Dispatcher:
    """Takes a batch in flight to its end; there is one task for each batch.

    Args:
        state: what the parts of the pipeline share.
        sender: sends a batch until it has an outcome.
        dead_letter_queue: takes the events that are refused alone.
        streak: decides when refusals are no longer the records' fault.
    """

    def __init__(
        self,
        state: PipelineState,
        *,
        sender: RetryingSender,
        dead_letter_queue: DeadLetterQueue,
        streak: RefusalStreak,
    ) -> None:
        self._queues = state.queues
        self._unsettled = state.unsettled
        self._permits = state.permits
        self._metrics = state.metrics
        self._clock = state.clock
        self._sender = sender
        self._dead_letter_queue = dead_letter_queue
        self._streak = streak

    async def dispatch(self, flight: InFlight) -> None:
        """Take a batch to its end; it holds the permit for its first call."""
        try:
            while await self._advance(flight) and flight.left and flight.left[0].is_ours():
                if not await flight.acquire_again(self._permits):
                    break
        finally:
            # The sender releases the permit with the answer of its call. Whatever else happens, no permit is
            # kept.
            flight.release()
            self._give_back(flight)

    async def _advance(self, flight: InFlight) -> bool:
        """Send the first part of what is left; return False when the rest has to wait."""
        batch = flight.left[0]
        outcome, calls = await self._sender.send(flight)
        match outcome:
            case Accepted():
                self._streak.accept()
                self._metrics.accepted(batch)
                self._unsettled.settle_all(batch.interactions)
                del flight.left[0]
                return True
            case Refused() if len(batch.interactions) > 1:
                flight.left[:1] = batch.halves()
                return True
            case Refused(code, message):
                return await self._dead_letter(flight, code, message, calls)
            case Misconfigured() | Requeued():
                return False
            case _:
                assert_never(outcome)

    async def _dead_letter(self, flight: InFlight, code: str, message: str, calls: int) -> bool:
        """Write a single refused event to the dead letters; False when too many in a row were refused."""
        (event,) = flight.left[0].interactions
        if not self._streak.refuse(event.session_id):
            self._permits.hold(HoldKind.REFUSALS, code)
            return False
        del flight.left[0]
        reason = Reason(REFUSED, f"{code}: {message}")
        await self._dead_letter_queue.write(event.record, reason, tries=calls, event=event.event)
        return True

    def _give_back(self, flight: InFlight) -> None:
        """Let the session's next call go, with what is left of this one at its head."""
        if not flight.left:
            self._queues.release(flight.session_id, self._clock())
            return
        events = list(flight.interactions())
        flight.left.clear()
        ours = [event for event in events if event.record.assignment.open]
        self._unsettled.drop(event for event in events if not event.record.assignment.open)
        self._queues.release(flight.session_id, self._clock(), put_back=ours, retry=flight.retry)
