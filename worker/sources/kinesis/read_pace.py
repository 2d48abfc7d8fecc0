"""When a shard may be read next: below the service's limits, seldom while nothing comes, later after faults.

Source: Amazon Kinesis Data Streams, "Quotas and limits": 5 reads and 2 MiB a second of each shard, for all
consumers together; after an answer of 10 MiB, reads of the next 5 seconds are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# Four reads a second leave one for somebody who looks into the stream.
_BUSY_SECONDS: Final = 0.25
_IDLE_SECONDS: Final = 1.0
# A little below 2 MiB a second.
_BYTES_PER_SECOND: Final = 1_900_000
_FIRST_WAIT_SECONDS: Final = 0.5
_MAX_WAIT_SECONDS: Final = 10.0
# Where another consumer reads the shard as often as it can, who asks seldom gets nothing.
_MAX_SHARED_WAIT_SECONDS: Final = 1.0
_MAX_DOUBLINGS: Final = 6


class ReadPace:
    """The pace of one shard. Times are seconds of the loop's clock.

    Args:
        clock: the loop's.
        draw: returns a number from 0 to 1, so that shards that fail together do not try again together.
    """

    def __init__(self, clock: Callable[[], float], draw: Callable[[], float]) -> None:
        self._clock = clock
        self._draw = draw
        self._failed = 0
        self.due_at = clock()
        """When the next read is due."""

    def brought(self, bytes_read: int, *, is_behind: bool) -> None:
        """Note a read that was answered; ``is_behind``: there is more in the shard."""
        self._failed = 0
        seconds = _BUSY_SECONDS if bytes_read or is_behind else _IDLE_SECONDS
        self.due_at = self._clock() + max(seconds, bytes_read / _BYTES_PER_SECOND)

    def failed(self, asked_seconds: float | None = None, *, is_shared: bool = False) -> None:
        """Note a read that failed: the next one waits longer each time, and as long as the service asked.

        Args:
            asked_seconds: how long that is.
            is_shared: whether the shard gave its reads to others: then it is asked once a second.
        """
        most = _MAX_SHARED_WAIT_SECONDS if is_shared else _MAX_WAIT_SECONDS
        longest = min(most, _FIRST_WAIT_SECONDS * 2 ** min(self._failed, _MAX_DOUBLINGS))
        self._failed += 1
        self.due_at = self._clock() + max(longest * (0.5 + self._draw() / 2), asked_seconds or 0.0)
