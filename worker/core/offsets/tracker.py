"""The leases that are open: never an offset past a record that is not settled, never one of an ended lease.

A settlement that comes after the lease ended changes nothing: the partition may have a new owner, or a new
lease here that will receive the same records again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.offsets.assignment import Lease

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.core.model.records import Record


class Ledger:
    """The leases that are open, and what may be committed for them."""

    def __init__(self) -> None:
        """Begin without leases."""
        self._leases: dict[tuple[str, int], Lease] = {}
        self._epoch = 0

    def __iter__(self) -> Iterator[Lease]:
        """All open leases."""
        return iter(self._leases.values())

    def __len__(self) -> int:
        """How many partitions are ours."""
        return len(self._leases)

    def open(self, topic: str, partition: int) -> Lease:
        """Begin a lease; one that is still open for this partition ends."""
        self.end(topic, partition)
        self._epoch += 1
        lease = Lease(topic, partition, self._epoch)
        self._leases[topic, partition] = lease
        return lease

    def cut(self, topic: str, partition: int, offset: int) -> Lease:
        """The log of a partition that is ours was cut at ``offset``: the lease from there on."""
        self._epoch += 1
        lease = self._leases[topic, partition].cut(offset, self._epoch)
        self._leases[topic, partition] = lease
        return lease

    def end(self, topic: str, partition: int) -> Lease | None:
        """End the lease of a partition, if there is one: from now on its settlements change nothing."""
        lease = self._leases.pop((topic, partition), None)
        if lease is not None:
            lease.end()
        return lease

    def leases(self, partitions: Iterable[tuple[str, int]]) -> list[Lease]:
        """The open leases among these partitions."""
        return [self._leases[each] for each in partitions if each in self._leases]

    def settle(self, record: Record) -> bool:
        """Settle a record once it is accepted, dead-lettered or skipped; False if its lease has ended."""
        if not record.lease.open:
            return False
        record.lease.settle(record.offset)
        return True

    def advanced(self) -> dict[tuple[str, int], int]:
        """The committable offsets that moved since this was last asked."""
        given = ((key, lease.give_out()) for key, lease in self._leases.items())
        return {key: offset for key, offset in given if offset is not None}

    def note_committed(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Note what the broker has; for leases that have ended it does not matter any more."""
        for key, offset in offsets.items():
            if key in self._leases:
                self._leases[key].note_committed(offset)
