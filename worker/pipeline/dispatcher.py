"""Takes one sealed batch to the end of its way.

Accepted: settled. Refused for its content: halved, the earlier half first, until the bad event stands
alone, and that one goes to the dead letters. Held, or its assignment ended: what is still ours goes back to
the head of its session's queue. Only then may the session's next call go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.model.outcomes import Accepted, Refused
from worker.core.model.records import REFUSED, Reason

if TYPE_CHECKING:
    from worker.core.flow_control.refusal_streak import RefusalStreak
    from worker.core.model.records import Batch
    from worker.pipeline.dead_letter_queue import DeadLetterQueue
    from worker.pipeline.state import PipelineState
    from worker.ports import Delivery


class Dispatcher:
    """Carries batches; one task each."""

    def __init__(
        self,
        state: PipelineState,
        *,
        delivery: Delivery,
        dead_letter_queue: DeadLetterQueue,
        streak: RefusalStreak,
    ) -> None:
        """Send what the queues sealed through ``delivery``; what is refused alone is a dead letter."""
        self._queues = state.queues
        self._unsettled = state.unsettled
        self._permits = state.permits
        self._metrics = state.metrics
        self._clock = state.clock
        self._delivery = delivery
        self._dead_letter_queue = dead_letter_queue
        self._streak = streak
        self.waiting: set[str] = set()
        """Sessions of which a part is sent, and the rest of the call waits for its turn."""

    async def carry(self, batch: Batch) -> None:
        """Bring ``batch`` to its end; the pass for its first call is taken."""
        left = [batch]
        try:
            while await self._advance(left) and left and left[0].is_ours():
                if not await self._turn(batch.session_id):
                    break
        finally:
            self._give_back(batch.session_id, left)

    async def _turn(self, session_id: str) -> bool:
        self.waiting.add(session_id)
        try:
            return await self._permits.enter(again=True)
        finally:
            self.waiting.discard(session_id)

    async def _advance(self, left: list[Batch]) -> bool:
        """Send the first of what is left; False when the rest has to wait."""
        batch = left[0]
        outcome, tries = await self._delivery.send(batch)
        match outcome:
            case Accepted():
                self._streak.accept()
                self._metrics.accepted(batch)
                self._unsettled.settle_all(batch.interactions)
                del left[0]
                return True
            case Refused() if len(batch.interactions) > 1:
                left[:1] = batch.halves()
                return True
            case Refused(code, message):
                return await self._dead_letter(left, code, message, tries)
            case _:
                return False

    async def _dead_letter(self, left: list[Batch], code: str, message: str, tries: int) -> bool:
        """The first of what is left is a single event, refused; False when too many in a row were."""
        (event,) = left[0].interactions
        if not self._streak.refuse(event.session_id):
            self._permits.hold("refusals", code)
            return False
        del left[0]
        reason = Reason(REFUSED, f"{code}: {message}")
        await self._dead_letter_queue.write(event.record, reason, tries=tries, event=event.event)
        return True

    def _give_back(self, session_id: str, left: list[Batch]) -> None:
        events = [event for batch in left for event in batch.interactions]
        ours = [event for event in events if event.record.assignment.open]
        self._unsettled.drop(event for event in events if not event.record.assignment.open)
        self._queues.release(session_id, self._clock(), put_back=ours)
