"""Detects stalled partitions, which bring nothing though their logs grow, whatever the cause.

Nothing reports a pause that was forgotten, or a fetch that librdkafka never sends again. What shows it is
that the end is beyond the offset of the next record, nothing of the partition waits to be handed over, and
neither changes. The time is passed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.core.model.partition import Partition

# A fetch from a healthy broker takes half a second at most, and a new leader some seconds.
STANDSTILL_SECONDS: Final = 30.0
# If more time than this passed between two checks, nothing is known about the time beyond it.
_LOOKED_SECONDS: Final = 10.0


class Place(Struct, frozen=True):
    """Where a partition is: the offset that comes next, and its end; None while unknown."""

    at: int | None
    end: int | None
    waits: bool = False
    """Something was fetched and waits to be handed over, or it is known why nothing comes."""

    @property
    def is_behind(self) -> bool:
        """Whether a record should be on its way."""
        return not self.waits and self.end is not None and self.end > (self.at or 0)


class _Standing(Struct):
    at: int | None
    seconds: float = 0.0


class StalledPartitions:
    """Which partitions stand still, and for how long.

    Args:
        fetch_wait_seconds: how long a broker may keep a fetch.
    """

    def __init__(self, fetch_wait_seconds: float) -> None:
        self._patience = STANDSTILL_SECONDS + fetch_wait_seconds
        self._standing: dict[Partition, _Standing] = {}
        self._looked_at: float | None = None

    def observe(self, places: Mapping[Partition, Place], now: float) -> None:
        """Compare with the previous call; partitions that are paused on purpose must not be included."""
        # While nobody polled, for whatever reason, nothing could come.
        passed = 0.0 if self._looked_at is None else min(now - self._looked_at, _LOOKED_SECONDS)
        before, self._standing, self._looked_at = self._standing, {}, now
        for key, place in places.items():
            if place.is_behind:
                known = before.get(key)
                if known is not None and known.at == place.at:
                    known.seconds += passed
                    self._standing[key] = known
                else:
                    self._standing[key] = _Standing(place.at)

    def of(self) -> dict[Partition, float]:
        """Return for how many seconds each stalled partition has stood still."""
        return {key: each.seconds for key, each in self._standing.items() if each.seconds >= self._patience}
