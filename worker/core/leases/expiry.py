"""Expiry: who still has a lease is judged by its counter, on the clock of who looks.

No time stands in the table, so no two clocks are compared. Another's lease is expired when its counter did
not move for the failover time between two looks. One's own is, by oneself, when the last good write was sent
that long ago. The owner counts from before its write and the others from after they saw it, so it always
stops first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.core.leases.lease import Lease


def valid_until(sent: float, failover_seconds: float) -> float:
    """Return until when a lease is one's own after a good write that was sent then."""
    return sent + failover_seconds


class _Seen(Struct, frozen=True):
    lease: Lease
    since: float


class Observations:
    """What was seen of the counters, and since when they stand still.

    Args:
        failover_seconds: for so long a counter may stand still.
    """

    def __init__(self, failover_seconds: float) -> None:
        self._failover_seconds = failover_seconds
        self._seen: dict[str, _Seen] = {}
        self._as_of = 0.0

    def note(self, leases: Iterable[Lease], sent: float, answered: float) -> None:
        """Note all rows as they were read at some moment between the two times."""
        seen = {}
        for lease in leases:
            before = self._seen.get(lease.key)
            # The whole row: one that was deleted and made anew may have come to the same counter.
            is_still = before is not None and before.lease == lease
            seen[lease.key] = before if before and is_still else _Seen(lease, answered)
        self._seen = seen
        self._as_of = sent

    def still_seconds(self, lease: Lease) -> float:
        """Return how long the counter stood still at least; 0 if it was never seen, or has moved since."""
        seen = self._seen.get(lease.key)
        if seen is None or seen.lease != lease:
            return 0.0
        return max(0.0, self._as_of - seen.since)

    def is_expired(self, lease: Lease) -> bool:
        """Whether its owner has not renewed it for the failover time."""
        return self.still_seconds(lease) >= self._failover_seconds

    def is_free(self, lease: Lease) -> bool:
        """Whether nobody has it: it has no owner, or that one is gone."""
        return lease.owner is None or self.is_expired(lease)

    def is_neglected(self, lease: Lease) -> bool:
        """Whether it is free for so long that those who should take it can't: the KCL waits three times."""
        return self.is_free(lease) and self.still_seconds(lease) >= 3 * self._failover_seconds
