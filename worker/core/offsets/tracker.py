"""Tracks the open assignments: no commit passes an unsettled record or belongs to an ended assignment.

A settlement that comes after the assignment ended changes nothing: the partition may have a new owner, or a
new assignment here that will receive the same records again.

A record that holds several elements is settled with the last of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.model.records import Element
from worker.core.offsets.assignment import Assignment
from worker.core.offsets.elements import Elements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.core.model.boundary import Boundary
    from worker.core.model.partition import Partition
    from worker.core.model.records import Record


class OffsetTracker:
    """The open assignments, and what may be committed for them."""

    def __init__(self) -> None:
        self._assignments: dict[Partition, Assignment] = {}
        self._epoch = 0
        self.elements = Elements()
        """The elements that are held, those of ended assignments included."""

    def __iter__(self) -> Iterator[Assignment]:
        """Iterate over all open assignments."""
        return iter(self._assignments.values())

    def __len__(self) -> int:
        """Count the partitions that are ours."""
        return len(self._assignments)

    def open(self, partition: Partition) -> Assignment:
        """Open an assignment; one that is still open for this partition ends."""
        self.end(partition)
        self._epoch += 1
        assignment = Assignment(partition, self._epoch)
        self._assignments[partition] = assignment
        return assignment

    def cut(self, partition: Partition, position: int) -> Assignment:
        """Open a new assignment from ``position`` on, where the log of one of our partitions was cut."""
        self._epoch += 1
        assignment = self._assignments[partition].cut(position, self._epoch)
        self._assignments[partition] = assignment
        return assignment

    def end(self, partition: Partition) -> Assignment | None:
        """End the assignment of a partition, if there is one; settling its records has no effect any more."""
        assignment = self._assignments.pop(partition, None)
        if assignment is not None:
            assignment.end()
        return assignment

    def assignments(self, partitions: Iterable[Partition]) -> list[Assignment]:
        """Return the open assignments of these partitions."""
        return [self._assignments[each] for each in partitions if each in self._assignments]

    def settle(self, record: Record) -> bool:
        """Settle a record once it is accepted, dead-lettered or skipped; False if the assignment is over.

        An element settles its record if all the others are settled.

        Raises:
            ValueError: it was settled before, or never received.
        """
        # Not isinstance, which costs as much as all else here for a struct that is another.
        is_whole = type(record) is not Element or self.elements.leave(record)
        assignment = record.assignment
        if not assignment.open:
            return False
        if is_whole:
            assignment.settle(record.offset)
        return True

    def advanced(self) -> dict[Partition, Boundary]:
        """Return how far everything is settled, for the partitions where that moved since the last call."""
        taken = (
            (partition, assignment.take_committable()) for partition, assignment in self._assignments.items()
        )
        return {partition: boundary for partition, boundary in taken if boundary is not None}

    def note_committed(self, boundaries: Mapping[Partition, Boundary]) -> None:
        """Note what is committed; assignments that have ended are ignored."""
        for partition, boundary in boundaries.items():
            if partition in self._assignments:
                self._assignments[partition].note_committed(boundary)
