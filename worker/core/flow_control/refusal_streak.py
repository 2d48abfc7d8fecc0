"""Decides when refusals are no longer the records' fault.

One refused event is one dead letter. But when event after event is refused, from different sessions and with
nothing accepted in between, then the tracker is gone or the mapping is wrong. A topic must not be emptied
into the dead letters for that.
"""

from __future__ import annotations


class RefusalStreak:
    """Counts events that were refused alone, in a row.

    Args:
        limit: how many dead letters are allowed in a row.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._refused = 0
        self._sessions: set[str] = set()

    def refuse(self, session_id: str) -> bool:
        """Count an event refused alone; return False if it must not become a dead letter but a hold.

        A single session never blocks the others, whatever it sends: only different sessions lead to a hold.
        """
        if self._refused >= self._limit and self._sessions - {session_id}:
            return False
        self._refused += 1
        # Two are enough to tell "different"; more would only take memory.
        if len(self._sessions) < 2:  # noqa: PLR2004  see above
            self._sessions.add(session_id)
        return True

    def accept(self) -> None:
        """Note that something was accepted: the streak is over."""
        if self._refused:
            self._refused = 0
            self._sessions.clear()
