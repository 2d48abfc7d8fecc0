"""What was given out for committing and not acknowledged yet, with how many records it includes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.core.model.boundary import Boundary

# So many are remembered: of a minute in which no commit was acknowledged.
_MOST: Final = 1000


class GivenOut:
    """Of one assignment; boundaries ascend."""

    __slots__ = ("_given", "_last", "committed")

    def __init__(self, committed: int = 0) -> None:
        """Begin with so many records that are known to be committed."""
        self._given: deque[tuple[Boundary, int]] = deque()
        self._last: Boundary | None = None
        self.committed = committed
        """How many records are known to be committed."""

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._given)

    def is_new(self, boundary: Boundary) -> bool:
        """Whether it is another one than was given out last."""
        return boundary != self._last

    def add(self, boundary: Boundary, records: int) -> None:
        """It is given out, and includes so many records."""
        self._last = boundary
        self._given.append((boundary, records))
        if len(self._given) > _MOST:
            self._thin_out()

    def note_committed(self, boundary: Boundary) -> None:
        """The records up to there are committed."""
        given = self._given
        while given and boundary.covers(given[0][0]):
            _, self.committed = given.popleft()

    def _thin_out(self) -> None:
        """Forget every other one, not the last: commits have failed for long.

        Should one that is forgotten be committed yet, a few records too many count as not committed until the
        next one is.
        """
        self._given = deque(list(self._given)[-1::-2][::-1])
