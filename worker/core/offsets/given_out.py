"""What was given out for committing and is not acknowledged yet, with the number of records it includes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.core.model.boundary import Boundary

# At most this many boundaries are remembered: those of a minute without an acknowledged commit.
_MOST: Final = 1000


class GivenOut:
    """The boundaries given out by one assignment; they ascend.

    Args:
        committed: how many records are known to be committed already.
    """

    __slots__ = ("_given", "_last", "committed")

    def __init__(self, committed: int = 0) -> None:
        self._given: deque[tuple[Boundary, int]] = deque()
        self._last: Boundary | None = None
        self.committed = committed
        """How many records are known to be committed."""

    def __len__(self) -> int:
        """Count the boundaries that are remembered."""
        return len(self._given)

    def is_new(self, boundary: Boundary) -> bool:
        """Whether this boundary differs from the one that was given out last."""
        return boundary != self._last

    def add(self, boundary: Boundary, records: int) -> None:
        """Remember a boundary that is given out and includes so many records."""
        self._last = boundary
        self._given.append((boundary, records))
        if len(self._given) > _MOST:
            self._thin_out()

    def note_committed(self, boundary: Boundary) -> None:
        """Note that the records up to this boundary are committed."""
        given = self._given
        while given and boundary.covers(given[0][0]):
            _, self.committed = given.popleft()

    def _thin_out(self) -> None:
        """Forget every other boundary, but not the last, after commits have failed for long.

        If a forgotten one is committed after all, a few records too many count as uncommitted until the next
        commit.
        """
        self._given = deque(list(self._given)[-1::-2][::-1])
