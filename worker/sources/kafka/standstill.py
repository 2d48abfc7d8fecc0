"""Partitions that bring nothing though their logs go on, whatever the cause.

A pause that was forgotten, a fetch that librdkafka never sends again: nothing complains of these. What shows
is that the end is beyond where the next record would come from, nothing of the partition waits to be handed
over, and neither changes. It is handed the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.core.model.partition import Partition

# A fetch from a healthy broker takes half a second at most, a new leader some seconds.
STANDSTILL_SECONDS: Final = 30.0
# Nobody looked for longer than this: of what was between nothing is known.
_LOOKED_SECONDS: Final = 10.0


class Place(Struct, frozen=True):
    """Where a partition is: the offset that comes next, and its end; None while that is not known."""

    at: int | None
    end: int | None
    waits: bool = False
    """Something of it was fetched and waits to be handed over, or it is known why nothing comes."""

    @property
    def is_behind(self) -> bool:
        """Whether a record should be on its way."""
        return not self.waits and self.end is not None and self.end > (self.at or 0)


class _Standing(Struct):
    at: int | None
    seconds: float = 0.0


class StalledPartitions:
    """Which partitions stand still, and for how long."""

    def __init__(self, fetch_wait_seconds: float) -> None:
        """A broker may keep a fetch for ``fetch_wait_seconds``."""
        self._patience = STANDSTILL_SECONDS + fetch_wait_seconds
        self._standing: dict[Partition, _Standing] = {}
        self._looked_at: float | None = None

    def observe(self, places: Mapping[Partition, Place], now: float) -> None:
        """Compare with what was there before; those that are paused on purpose are not among them."""
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
        """Those that have stood still for longer than they should: for how many seconds each."""
        return {key: each.seconds for key, each in self._standing.items() if each.seconds >= self._patience}
