"""Says what keeps a record from being settled, judging by where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.flow_control.holds import HoldKind
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
        in_flight = worker.permits.snapshot(now).in_flight
        is_full = worker.pipeline.snapshot().is_full
        no_place = is_full or in_flight >= worker.settings.personalize.max_in_flight
        self._due_cause: WaitsFor = WaitsFor("place" if no_place else "quota")

    def waits_for(self, due_at: float, retry_state: RetryState | None = None) -> WaitsFor:
        """Return what a session due at ``due_at`` waits for; with ``retry_state``, its last call failed."""
        if self._holds:
            first = self._holds[0]
            return WaitsFor("hold", first.held_seconds, code=first.kind)
        if retry_state is not None:
            return retry_state.waits_for(self.now)
        if due_at > self.now:
            return WaitsFor("linger")
        return WaitsFor(self._due_cause.cause, self.now - due_at)


def dead_letter(worker: Worker) -> WaitsFor:
    """Return what a record waits for that will become a dead letter."""
    for hold in worker.permits.holds():
        if hold.kind == HoldKind.DEAD_LETTERS:
            return WaitsFor("hold", hold.held_seconds, code=hold.kind)
    return WaitsFor("dead_letter")


def schema(worker: Worker, seconds: float) -> WaitsFor:
    """Return what a record waits for that needs a schema which is not there yet."""
    for hold in worker.parking.holds():
        return WaitsFor("hold", hold.held_seconds, code=hold.kind)
    return WaitsFor("schema", seconds)


def kept(worker: Worker) -> WaitsFor:
    """Return what a record waits for that can't be mapped, but may be once something else is fixed."""
    (hold,) = worker.quarantine.holds()
    return WaitsFor("hold", hold.held_seconds, code=hold.kind)
