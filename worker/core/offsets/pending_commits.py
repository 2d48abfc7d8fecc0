"""What was taken to be committed and is not acknowledged yet, with the number of records it includes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.core.model.boundary import Boundary

# At most this many boundaries are remembered: those of a minute without an acknowledged commit.
_MOST: Final = 1000


class PendingCommits:
    """The boundaries of one assignment that were taken to be committed; they ascend.

    Args:
        committed: how many records are known to be committed already.
    """

    __slots__ = ("_last", "_pending", "committed")

    def __init__(self, committed: int = 0) -> None:
        self._pending: deque[tuple[Boundary, int]] = deque()
        self._last: Boundary | None = None
        self.committed = committed
        """How many records are known to be committed."""

    def __len__(self) -> int:
        """Count the boundaries that are remembered."""
        return len(self._pending)

    def is_new(self, boundary: Boundary) -> bool:
        """Whether this boundary differs from the one that was taken last."""
        return boundary != self._last

    def add(self, boundary: Boundary, records: int) -> None:
        """Remember a boundary that is taken and includes so many records."""
        self._last = boundary
        self._pending.append((boundary, records))
        if len(self._pending) > _MOST:
            self._thin_out()

    def note_committed(self, boundary: Boundary) -> None:
        """Note that the records up to this boundary are committed."""
        pending = self._pending
        while pending and boundary.covers(pending[0][0]):
            _, self.committed = pending.popleft()

    def _thin_out(self) -> None:
        """Forget every other boundary, but not the last, after commits have failed for long.

        If a forgotten one is committed after all, a few records too many count as uncommitted until the next
        commit.
        """
        self._pending = deque(list(self._pending)[-1::-2][::-1])
