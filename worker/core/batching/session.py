"""One session with events that wait to be sent, in order."""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING

from worker.core.model.records import text_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.core.model.records import Interaction


class Session:
    """Its events, and when they may go. Times are seconds of the caller's clock."""

    # A list, not a deque: an empty deque takes 600 bytes, and there may be a hundred thousand sessions.
    __slots__ = ("due_at", "events", "in_flight", "sent_user_id", "session_id", "staleness", "turn_at")

    def __init__(self, session_id: str) -> None:
        """Begin without events."""
        self.session_id = session_id
        self.events: list[Interaction] = []
        self.in_flight = False
        # Of the call in flight.
        self.sent_user_id: str | None = None
        # Not due as of a time before this.
        self.turn_at = 0.0
        self.stop_waiting()

    def stop_waiting(self) -> None:
        """It is in flight, or without events: there is nothing that could go."""
        self.due_at = inf
        # The smaller, the fresher is what would go next; kept by ``turns.FreshestFirst`` only. Not a number:
        # it equals nothing that was noted of it.
        self.staleness = nan

    def first_run(self, limit: int) -> int:
        """How many events, up to ``limit``, could go in one call: from the head on, one user only."""
        user_id = self.events[0].user_id
        for count, event in enumerate(self.events[:limit]):
            if event.user_id != user_id:
                return count
        return min(limit, len(self.events))

    def is_full(self, limit: int) -> bool:
        """Whether no later event could still go in its next call of ``limit`` at most."""
        count = len(self.events)
        return count >= limit or self.first_run(limit) < count

    def text_bytes(self) -> int:
        """Bytes of memory that its ids take: its own, and a user's for each run of events."""
        sent_bytes = text_bytes(self.sent_user_id)
        return text_bytes(self.session_id) + sent_bytes + users_bytes(self.events, self.sent_user_id)

    def is_ending(self) -> bool:
        """Whether an assignment of its events is ending."""
        return any(event.record.assignment.ending for event in self.events)


def users_bytes(events: Iterable[Interaction], before: str | None = None) -> int:
    """Bytes of memory that the users' ids take; events of a run share one, and ``before`` is there anyway."""
    size = 0
    for event in events:
        if event.user_id is not before:
            before = event.user_id
            size += text_bytes(before)
    return size
