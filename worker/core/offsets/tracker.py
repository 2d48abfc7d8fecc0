"""Tracks the open assignments: never an offset past an unsettled record, never one of an ended assignment.

A settlement that comes after the assignment ended changes nothing: the partition may have a new owner, or a
new assignment here that will receive the same records again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.offsets.assignment import Assignment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.core.model.records import Record


class OffsetTracker:
    """The assignments that are open, and what may be committed for them."""

    def __init__(self) -> None:
        """Begin without assignments."""
        self._assignments: dict[tuple[str, int], Assignment] = {}
        self._epoch = 0

    def __iter__(self) -> Iterator[Assignment]:
        """All open assignments."""
        return iter(self._assignments.values())

    def __len__(self) -> int:
        """How many partitions are ours."""
        return len(self._assignments)

    def open(self, topic: str, partition: int) -> Assignment:
        """Begin an assignment; one that is still open for this partition ends."""
        self.end(topic, partition)
        self._epoch += 1
        assignment = Assignment(topic, partition, self._epoch)
        self._assignments[topic, partition] = assignment
        return assignment

    def cut(self, topic: str, partition: int, offset: int) -> Assignment:
        """The log of a partition that is ours was cut at ``offset``: the assignment from there on."""
        self._epoch += 1
        assignment = self._assignments[topic, partition].cut(offset, self._epoch)
        self._assignments[topic, partition] = assignment
        return assignment

    def end(self, topic: str, partition: int) -> Assignment | None:
        """End the assignment of a partition, if there is one: from now on its settlements change nothing."""
        assignment = self._assignments.pop((topic, partition), None)
        if assignment is not None:
            assignment.end()
        return assignment

    def assignments(self, partitions: Iterable[tuple[str, int]]) -> list[Assignment]:
        """The open assignments among these partitions."""
        return [self._assignments[each] for each in partitions if each in self._assignments]

    def settle(self, record: Record) -> bool:
        """Settle a record once it is accepted, dead-lettered or skipped; False if the assignment is over."""
        if not record.assignment.open:
            return False
        record.assignment.settle(record.offset)
        return True

    def advanced(self) -> dict[tuple[str, int], int]:
        """The committable offsets that moved since this was last asked."""
        given = ((key, assignment.give_out()) for key, assignment in self._assignments.items())
        return {key: offset for key, offset in given if offset is not None}

    def note_committed(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Note what the broker has; for assignments that have ended it does not matter any more."""
        for key, offset in offsets.items():
            if key in self._assignments:
                self._assignments[key].note_committed(offset)
