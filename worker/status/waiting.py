"""Says what keeps a record from being settled, judging by where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.model.snapshot import WaitsFor

if TYPE_CHECKING:
    from worker.assembly import Worker
    from worker.core.model.retry_state import RetryState


class Queue:
    """What delays sessions that are due, at one moment: it is the same for all of them.

    Args:
        worker: the worker to look at, once.
        now: this moment.
    """

    def __init__(self, worker: Worker, now: float) -> None:
        self.now = now
        self._holds = worker.permits.holds()
        gate = worker.permits.gate
        no_place = worker.pipeline.is_full or gate.in_flight >= worker.settings.personalize.max_in_flight
        self._due_cause: WaitsFor = WaitsFor("place" if no_place else "quota")

    def waits_for(self, due_at: float, retry_state: RetryState | None = None) -> WaitsFor:
        """Return what a session due at ``due_at`` waits for; with ``retry_state``, its last call failed."""
        if self._holds:
            first = self._holds[0]
            return WaitsFor("hold", first.held_seconds, code=first.kind)
        if retry_state is not None:
            return _retry(retry_state, self.now)
        if due_at > self.now:
            return WaitsFor("linger")
        return WaitsFor(self._due_cause.cause, self.now - due_at)


def under_way(worker: Worker, session_id: str, since: float, now: float) -> WaitsFor:
    """Return what a session waits for whose batch has been in flight since ``since``."""
    if (retry_state := worker.delivery.retry_states.get(session_id)) is not None:
        return _retry(retry_state, now)
    if session_id in worker.dispatcher.waiting:
        return WaitsFor("quota")
    return WaitsFor("in_flight", now - since)


def _retry(retry_state: RetryState, now: float) -> WaitsFor:
    return WaitsFor("retry", now - retry_state.since, retry_state.calls, retry_state.code)


def dead_letter(worker: Worker) -> WaitsFor:
    """Return what a record waits for that will become a dead letter."""
    for hold in worker.permits.holds():
        if hold.kind == "dead_letters":
            return WaitsFor("hold", hold.held_seconds, code=hold.kind)
    return WaitsFor("dead_letter")


def kept(worker: Worker) -> WaitsFor:
    """Return what a record waits for that can't be mapped, but may be once something else is fixed."""
    (hold,) = worker.quarantine.holds()
    return WaitsFor("hold", hold.held_seconds, code=hold.kind)
