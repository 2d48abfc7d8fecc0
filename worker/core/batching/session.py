"""One session with events that wait to be sent, in order."""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING

from worker.core.model.records import text_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.core.model.records import Interaction


class Session:
    """The events of a session, and when they may be sent. Times are seconds of the caller's clock.

    Args:
        session_id: whose events they are.
    """

    # A list, not a deque: an empty deque takes 600 bytes, and there may be a hundred thousand sessions.
    __slots__ = ("due_at", "events", "in_flight", "sent_user_id", "session_id", "staleness", "turn_at")

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.events: list[Interaction] = []
        self.in_flight = False
        # The user of the call in flight.
        self.sent_user_id: str | None = None
        # The session is not due as of any time before this.
        self.turn_at = 0.0
        self.stop_waiting()

    def stop_waiting(self) -> None:
        """Mark the session as not due: it is in flight or has no events, so there is nothing to send."""
        self.due_at = inf
        # The smaller this is, the fresher the next call would be. Only ``scheduling.FreshestFirst`` keeps it.
        # NaN equals no entry in a heap, so all of the session's entries are outdated.
        self.staleness = nan

    def first_run(self, limit: int) -> int:
        """Count the events, up to ``limit``, that could go in one call: from the head on, one user only."""
        user_id = self.events[0].user_id
        for count, event in enumerate(self.events[:limit]):
            if event.user_id != user_id:
                return count
        return min(limit, len(self.events))

    def is_full(self, limit: int) -> bool:
        """Whether its next call, of ``limit`` events at most, can't grow any more."""
        count = len(self.events)
        return count >= limit or self.first_run(limit) < count

    def text_bytes(self) -> int:
        """Return the bytes of memory that its ids take: its own, and one user id for each run of events."""
        sent_bytes = text_bytes(self.sent_user_id)
        return text_bytes(self.session_id) + sent_bytes + users_bytes(self.events, self.sent_user_id)

    def is_ending(self) -> bool:
        """Whether the assignment of any of its events is ending."""
        return any(event.record.assignment.ending for event in self.events)


def users_bytes(events: Iterable[Interaction], before: str | None = None) -> int:
    """Return the bytes that user ids take; a run of events shares one, and ``before`` is held already.

    Runs are told by the ids' text, as those of a call are: where events between two runs of one user were
    taken out, two texts are held for a while and one is counted.
    """
    size = 0
    for event in events:
        if event.user_id != before:
            before = event.user_id
            size += text_bytes(before)
    return size
