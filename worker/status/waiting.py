"""What keeps a record from being done with, told from where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.model.snapshot import WaitsFor

if TYPE_CHECKING:
    from worker.assembly import Worker
    from worker.core.model.retry_state import Trying


class Queue:
    """What holds up those that wait to be sealed, at one moment: it is the same for all that are due."""

    def __init__(self, worker: Worker, now: float) -> None:
        """Look once."""
        self.now = now
        self._holds = worker.turnstile.holds()
        gate = worker.turnstile.gate
        no_place = worker.flow.is_full or gate.in_flight >= worker.settings.personalize.max_in_flight
        self._due_cause: WaitsFor = WaitsFor("place" if no_place else "quota")

    def waits_for(self, due_at: float, trying: Trying | None = None) -> WaitsFor:
        """For what a session waits that is, or was, due at ``due_at``; ``trying``: its last call failed."""
        if self._holds:
            first = self._holds[0]
            return WaitsFor("hold", first.held_seconds, code=first.kind)
        if trying is not None:
            return _retry(trying, self.now)
        if due_at > self.now:
            return WaitsFor("linger")
        return WaitsFor(self._due_cause.cause, self.now - due_at)


def under_way(worker: Worker, session_id: str, since: float, now: float) -> WaitsFor:
    """For what a session waits whose batch is carried ``since``."""
    if (trying := worker.delivery.trying.get(session_id)) is not None:
        return _retry(trying, now)
    if session_id in worker.courier.waiting:
        return WaitsFor("quota")
    return WaitsFor("in_flight", now - since)


def _retry(trying: Trying, now: float) -> WaitsFor:
    return WaitsFor("retry", now - trying.since, trying.calls, trying.code)


def dead_letter(worker: Worker) -> WaitsFor:
    """For what a record waits that is to be a dead letter."""
    for hold in worker.turnstile.holds():
        if hold.kind == "dead_letters":
            return WaitsFor("hold", hold.held_seconds, code=hold.kind)
    return WaitsFor("dead_letter")


def kept(worker: Worker) -> WaitsFor:
    """For what a record waits that cannot be mapped, and may be once something else is mended."""
    (hold,) = worker.quarantine.holds()
    return WaitsFor("hold", hold.held_seconds, code=hold.kind)
