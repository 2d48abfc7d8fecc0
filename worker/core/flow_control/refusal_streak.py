"""When refusing is no longer the records' fault.

One event refused is one dead letter. But when event after event is refused, from different sessions and
with nothing accepted between, then the tracker is gone or the mapping is wrong, and a topic must not be
emptied into the dead letters.
"""

from __future__ import annotations


class RefusalStreak:
    """Counts events refused alone, in a row."""

    def __init__(self, limit: int) -> None:
        """Allow ``limit`` dead letters in a row."""
        self._limit = limit
        self._refused = 0
        self._sessions: set[str] = set()

    def refuse(self, session_id: str) -> bool:
        """An event was refused alone: True if it may become a dead letter, False if it is time to hold.

        A single session never holds the others up, whatever it sends: only different ones do.
        """
        if self._refused >= self._limit and self._sessions - {session_id}:
            return False
        self._refused += 1
        # Two are enough to tell "different"; more would only take memory.
        if len(self._sessions) < 2:  # noqa: PLR2004  see above
            self._sessions.add(session_id)
        return True

    def accept(self) -> None:
        """Something was accepted: the row is over."""
        if self._refused:
            self._refused = 0
            self._sessions.clear()
