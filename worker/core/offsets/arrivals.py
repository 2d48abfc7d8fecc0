"""When records arrived and how old they were.

Records that arrived together and are about equally old share one entry.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Arrivals(deque[tuple[int, float, float]]):
    """Entries of a first record's position, when it arrived, and its timestamp (``inf``: none)."""

    __slots__ = ()

    def forget_before(self, position: int) -> None:
        """Drop the entries of records before ``position``: they are settled. Its own entry stays."""
        while len(self) > 1 and self[1][0] <= position:
            self.popleft()

    def keep_only(self, positions: Iterable[int]) -> None:
        """Keep only the entries of these positions, in ascending order: all other records are settled."""
        entries, place = list(self), 0
        self.clear()
        for position in positions:
            while place + 1 < len(entries) and entries[place + 1][0] <= position:
                place += 1
            if not self or self[-1] is not entries[place]:
                self.append(entries[place])
