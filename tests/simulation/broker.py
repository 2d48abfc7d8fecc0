"""The topic as its brokers have it: logs, committed offsets, and who may commit.

A commit counts only under the assignment that it was made under. One that was made for an earlier log of the
partition is refused, as Kafka does by the topic's id.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter
from typing import TYPE_CHECKING

from tests.support.twins import TOPIC

if TYPE_CHECKING:
    from tests.simulation.member import Member
    from tests.simulation.truth import Truth, Written


class Partition:
    """One partition, and its place in the group."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.incarnation = 0
        self.log: list[Written] = []
        self.start = 0
        """The place in ``log`` of the first record that retention has left."""
        self.next_offset = 0
        self.committed: int | None = None
        self.owner: Member | None = None
        self.assignment = 0
        self.is_moving = False

    @property
    def key(self) -> tuple[str, int]:
        return TOPIC, self.number

    def append(self, record: Written, gap: int) -> None:
        record.partition, record.log = self.number, self.log
        record.offset = self.next_offset + gap
        self.next_offset = record.offset + 1
        self.log.append(record)
        # Where the log was cut below what was committed, whoever begins there leaves it out: nobody's fault.
        record.gone = self.committed is not None and record.offset < self.committed

    def committed_place(self) -> int:
        """Where a reader without a position begins: at what is committed, else at the earliest."""
        if self.committed is None or self.committed > self.next_offset:
            return self.start
        return max(self.start, bisect_left(self.log, self.committed, key=attrgetter("offset")))

    def is_done(self) -> bool:
        """Whether nothing is left for anybody to read."""
        return self.committed_place() == len(self.log)

    def recreate(self) -> None:
        """Another log under the same name."""
        for record in self.log:
            record.gone = True
        self.incarnation += 1
        self.log, self.start, self.next_offset, self.committed = [], 0, 0, None

    def cut(self) -> None:
        """An unclean election: the newer half of the log is lost, what was committed of it stays so."""
        kept = self.start + (len(self.log) - self.start + 1) // 2
        for record in self.log[kept:]:
            record.gone = True
        self.incarnation += 1
        self.log = self.log[:kept]
        self.next_offset = self.log[-1].offset + 1 if self.log else 0

    def expire(self) -> None:
        """Retention deletes the older half."""
        self.start += (len(self.log) - self.start) // 2
        for record in self.log[: self.start]:
            record.gone = True


class Commit:
    """An offset on its way: by whom, under which assignment, for which log."""

    __slots__ = ("assignment", "incarnation", "offset", "partition")

    def __init__(self, partition: Partition, assignment: int, incarnation: int, offset: int) -> None:
        self.partition = partition
        self.assignment = assignment
        self.incarnation = incarnation
        self.offset = offset

    def is_fenced(self) -> bool:
        at = self.partition
        return at.owner is None or (self.assignment, self.incarnation) != (at.assignment, at.incarnation)

    def take_over(self, truth: Truth, who: str) -> None:
        """The broker has it."""
        truth.check_offset(self.partition.number, self.partition.log, self.offset, f"{who} commits")
        self.partition.committed = self.offset
