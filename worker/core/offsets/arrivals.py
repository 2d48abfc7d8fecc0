"""When records came and how old they were, one entry for those that came together and are about as old."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Arrivals(deque[tuple[int, float, float]]):
    """Of each entry the first record's position, when it came, and its timestamp (``inf``: none)."""

    __slots__ = ()

    def forget_before(self, position: int) -> None:
        """Records before this one are settled; the entry that it belongs to stays."""
        while len(self) > 1 and self[1][0] <= position:
            self.popleft()

    def keep_only(self, positions: Iterable[int]) -> None:
        """All other records are settled; ``positions`` ascend."""
        entries, place = list(self), 0
        self.clear()
        for position in positions:
            while place + 1 < len(entries) and entries[place + 1][0] <= position:
                place += 1
            if not self or self[-1] is not entries[place]:
                self.append(entries[place])
