"""What a shard gives in a second: 5 reads and 2 MiB, shared by all that read it.

A read may give 10 MiB; then there is nothing for 5 seconds. Source: the API's reference, ``GetRecords``.
"""

from __future__ import annotations

from typing import Final

READS_PER_SECOND: Final = 5
BYTES_PER_SECOND: Final = 2 << 20


class ReadLimits:
    """Of one shard: counts in windows of a second, and longer ones where a read was larger."""

    def __init__(self) -> None:
        self._began = float("-inf")
        self._reads = 0
        self._bytes = 0

    def allow(self, now: float) -> bool:
        """Whether there may be a read now; if so, it counts."""
        if now >= self._began + max(1.0, self._bytes / BYTES_PER_SECOND):
            self._began, self._reads, self._bytes = now, 0, 0
        if self._reads >= READS_PER_SECOND or self._bytes >= BYTES_PER_SECOND:
            return False
        self._reads += 1
        return True

    def note(self, size: int) -> None:
        """Count what the read gave, in bytes."""
        self._bytes += size
