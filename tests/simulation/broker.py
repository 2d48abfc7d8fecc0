"""The topic as its brokers have it: logs, committed offsets, and who may commit.

A commit counts only under the assignment that it was made under. Whether the log was cut or made anew since
then the broker does not look: a commit names the partition, not the log.
"""

from __future__ import annotations

from bisect import bisect_left
from math import ceil
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.fetching import Held
    from tests.simulation.member import Member
    from tests.simulation.truth import Truth, Written


class Partition:
    """One partition, and its place in the group."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.log: list[Written] = []
        self.start = 0
        """The place in ``log`` of the first record that retention has left."""
        self.first_offset = self.next_offset = 0
        self.term = self.incarnation = 0
        """How often the log was cut or made anew; and how often made anew."""
        self.leader_epoch = 0
        self.is_led_again_at = 0.0
        """When consumers hear of the latest election."""
        self._epochs: list[tuple[int, int]] = []
        self.committed: int | None = None
        self.owner: Member | None = None
        self.assignment = 0
        self.is_moving = False
        self._told_term = 0

    def append(self, record: Written, gap: int) -> None:
        record.partition, record.log = self.number, self.log
        record.term, record.leader_epoch = self.term, self.leader_epoch
        record.offset = self.next_offset + gap
        self.next_offset = record.offset + 1
        self.log.append(record)

    def end_of(self, leader_epoch: int, incarnation: int) -> int | None:
        """Where what was written under this epoch or an earlier one ends; None: of another log."""
        if incarnation != self.incarnation:
            return None
        later = (start for epoch, start in self._epochs if epoch > leader_epoch)
        return next(later, self.next_offset)

    def handed_over(self, held: Held) -> None:
        """An application has got records; of the owner it is expected to keep the offset in step."""
        if held.assignment == self.assignment:
            self._told_term = max(self._told_term, held.told_term)

    def leave_out_below(self, offset: int) -> None:
        """A consumer goes on there, whatever stands below."""
        for record in self.log[self.start : bisect_left(self.log, offset, key=attrgetter("offset"))]:
            record.gone = record.gone or record.owed

    def events_to_commit(self) -> int:
        """How many events stand behind the committed offset, delivered or not."""
        begin = bisect_left(self.log, self.committed or 0, key=attrgetter("offset"))
        return sum(len(each.elements()) for each in self.log[begin:] if not each.gone)

    def schemas_to_come(self) -> set[int]:
        """The schemas of the records behind the committed offset."""
        begin = bisect_left(self.log, self.committed or 0, key=attrgetter("offset"))
        return {each.schema for each in self.log[begin:] if each.schema and not each.gone}

    def is_done(self) -> bool:
        """Whether nothing is left for anybody to do."""
        if any(each.owed for each in self.log):
            return False
        if all(each.gone for each in self.log):
            return True
        # Who has read nothing since the log was cut can't know that the offset points behind its end.
        in_step = self.committed == self.next_offset
        return in_step or (
            self.committed is not None and self.committed > self.next_offset and self._told_term < self.term
        )

    def recreate(self) -> None:
        """Another log under the same name."""
        for record in self.log:
            record.gone = True
        self.term += 1
        self.incarnation += 1
        self.log, self.start, self.committed = [], 0, None
        self.first_offset = self.next_offset = 0
        self.leader_epoch, self._epochs = 0, []

    def place_of(self, share: float) -> int:
        """The place in the log behind this share of what retention has left."""
        return self.start + ceil((len(self.log) - self.start) * share)

    def cut(self, kept: int, heard_at: float) -> None:
        """An unclean election: the log is lost from this place on, what was committed of it stays so."""
        for record in self.log[kept:]:
            record.gone = True
        del self.log[kept:]
        self.term += 1
        self.leader_epoch += 1
        self.next_offset = self.log[-1].offset + 1 if kept > self.start else self.first_offset
        self._epochs = [each for each in self._epochs if each[1] < self.next_offset]
        self._epochs.append((self.leader_epoch, self.next_offset))
        self.is_led_again_at = heard_at

    def expire(self, start: int) -> None:
        """Retention deletes what lies before this place."""
        self.start = start
        for record in self.log[: self.start]:
            record.gone = True
        if self.start:
            self.first_offset = (
                self.log[self.start].offset if self.start < len(self.log) else self.next_offset
            )


class Commit:
    """An offset on its way: by whom, under which assignment, for which log."""

    __slots__ = ("assignment", "offset", "partition", "told_term")

    def __init__(self, partition: Partition, assignment: int, told_term: int, offset: int) -> None:
        self.partition = partition
        self.assignment = assignment
        self.told_term = told_term
        self.offset = offset

    def is_fenced(self) -> bool:
        at = self.partition
        return at.owner is None or self.assignment != at.assignment

    def take_over(self, truth: Truth, who: str) -> None:
        """The broker has it."""
        at = self.partition
        truth.check_offset(at.number, at.log, self.offset, f"{who} commits", self.told_term)
        at.committed = self.offset
