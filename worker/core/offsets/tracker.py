"""Tracks the open assignments: never a commit past an unsettled record, never one of an ended assignment.

A settlement that comes after the assignment ended changes nothing: the partition may have a new owner, or a
new assignment here that will receive the same records again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.offsets.assignment import Assignment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.core.model.boundary import Boundary
    from worker.core.model.partition import Partition
    from worker.core.model.records import Record


class OffsetTracker:
    """The assignments that are open, and what may be committed for them."""

    def __init__(self) -> None:
        """Begin without assignments."""
        self._assignments: dict[Partition, Assignment] = {}
        self._epoch = 0

    def __iter__(self) -> Iterator[Assignment]:
        """All open assignments."""
        return iter(self._assignments.values())

    def __len__(self) -> int:
        """How many partitions are ours."""
        return len(self._assignments)

    def open(self, partition: Partition) -> Assignment:
        """Begin an assignment; one that is still open for this partition ends."""
        self.end(partition)
        self._epoch += 1
        assignment = Assignment(partition, self._epoch)
        self._assignments[partition] = assignment
        return assignment

    def cut(self, partition: Partition, position: int) -> Assignment:
        """The log of a partition that is ours was cut at ``position``: the assignment from there on."""
        self._epoch += 1
        assignment = self._assignments[partition].cut(position, self._epoch)
        self._assignments[partition] = assignment
        return assignment

    def end(self, partition: Partition) -> Assignment | None:
        """End the assignment of a partition, if there is one: from now on its settlements change nothing."""
        assignment = self._assignments.pop(partition, None)
        if assignment is not None:
            assignment.end()
        return assignment

    def assignments(self, partitions: Iterable[Partition]) -> list[Assignment]:
        """The open assignments among these partitions."""
        return [self._assignments[each] for each in partitions if each in self._assignments]

    def settle(self, record: Record) -> bool:
        """Settle a record once it is accepted, dead-lettered or skipped; False if the assignment is over."""
        if not record.assignment.open:
            return False
        record.assignment.settle(record.offset)
        return True

    def advanced(self) -> dict[Partition, Boundary]:
        """How far everything is settled, of the partitions where that moved since this was last asked."""
        given = ((partition, assignment.give_out()) for partition, assignment in self._assignments.items())
        return {partition: boundary for partition, boundary in given if boundary is not None}

    def note_committed(self, boundaries: Mapping[Partition, Boundary]) -> None:
        """Note what is committed; for assignments that have ended it does not matter any more."""
        for partition, boundary in boundaries.items():
            if partition in self._assignments:
                self._assignments[partition].note_committed(boundary)
