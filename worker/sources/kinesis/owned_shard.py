"""A shard that is ours: its lease, its reader, and the assignment under which its records come."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from worker.core.leases.lease import Lease
    from worker.core.model.partition import Partition
    from worker.core.offsets.assignment import Assignment
    from worker.sources.kinesis.shard_reader import ShardReader


class OwnedShard:
    """One shard, from when its lease was gained until it is lost, handed over or finished.

    Args:
        lease: as it was gained.
        reader: reads the shard.
        assignment: opened for it by the pipeline.
        reading: the task of the reader.
    """

    def __init__(
        self, lease: Lease, reader: ShardReader, assignment: Assignment, reading: asyncio.Task[None]
    ) -> None:
        self.lease = lease
        self.reader = reader
        self.assignment = assignment
        self.reading = reading
        self.noted: int | None = None
        """The position up to which everything is settled, as noted for the next checkpoint."""
        self.committed: int | None = None
        """The position that the table has, as far as is known."""

    @property
    def key(self) -> str:
        """The key of its lease."""
        return self.lease.key

    @property
    def partition(self) -> Partition:
        """The name by which the pipeline knows it."""
        return self.assignment.partition
