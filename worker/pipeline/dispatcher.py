"""Takes one sealed batch to the end of its way.

Accepted: settled. Refused for its content: halved, the earlier half first, until the bad event stands
alone, and that one goes to the dead letters. Held, or its lease ended: what is still ours goes back to the
head of its session's queue. Only then may the session's next call go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.model.outcomes import Accepted, Refused
from worker.core.model.records import REFUSED, Reason

if TYPE_CHECKING:
    from worker.core.flow_control.refusal_streak import RefusalStreak
    from worker.core.model.records import Batch
    from worker.pipeline.dead_letter_queue import Burials
    from worker.pipeline.state import Shared
    from worker.ports import Delivery


class Courier:
    """Carries batches; one task each."""

    def __init__(
        self, shared: Shared, *, delivery: Delivery, burials: Burials, streak: RefusalStreak
    ) -> None:
        """Carry what the queues sealed through ``delivery``; what is refused alone goes to ``burials``."""
        self._queues = shared.queues
        self._books = shared.books
        self._turnstile = shared.turnstile
        self._meter = shared.meter
        self._clock = shared.clock
        self._delivery = delivery
        self._burials = burials
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
            return await self._turnstile.enter(again=True)
        finally:
            self.waiting.discard(session_id)

    async def _advance(self, left: list[Batch]) -> bool:
        """Send the first of what is left; False when the rest has to wait."""
        batch = left[0]
        outcome, tries = await self._delivery.send(batch)
        match outcome:
            case Accepted():
                self._streak.accept()
                self._meter.accepted(batch)
                self._books.settle_all(batch.interactions)
                del left[0]
                return True
            case Refused() if len(batch.interactions) > 1:
                left[:1] = batch.halves()
                return True
            case Refused(code, message):
                return await self._bury(left, code, message, tries)
            case _:
                return False

    async def _bury(self, left: list[Batch], code: str, message: str, tries: int) -> bool:
        """The first of what is left is a single event, refused; False when too many in a row were."""
        (event,) = left[0].interactions
        if not self._streak.refuse(event.session_id):
            self._turnstile.hold("refusals", code)
            return False
        del left[0]
        reason = Reason(REFUSED, f"{code}: {message}")
        await self._burials.bury(event.record, reason, tries=tries, event=event.event)
        return True

    def _give_back(self, session_id: str, left: list[Batch]) -> None:
        events = [event for batch in left for event in batch.interactions]
        ours = [event for event in events if event.record.lease.open]
        self._books.drop(event for event in events if not event.record.lease.open)
        self._queues.release(session_id, self._clock(), put_back=ours)
