"""Decides when unmappable records are no longer their own fault.

One unmappable record is one dead letter. But when record after record of a topic cannot be mapped, with
different keys and with none mapped in between, then the mapping, the format or the producer is wrong. The
topic must not be emptied into the dead letters for that. From then on such records are kept, neither settled
nor dead-lettered, while later ones are still tried. The first that can be mapped shows that the ones before
it are bad records after all.

A streak belongs to one topic. What another topic holds says nothing about it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from worker.core.model.records import Undecodable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.core.model.partition import Partition
    from worker.core.model.records import Reason
    from worker.core.offsets.assignment import Assignment

# Two are enough to tell "different"; more would only take memory.
_DIFFERENT: Final = 2
# When all of a topic is wrong, nearly every record has the same reason.
_REASONS_TOLD: Final = 3


class UnmappableStreak:
    """Records of one topic that could not be mapped, with none in between that could.

    Args:
        topic: the topic.
        limit: how many dead letters are allowed before records are kept.
    """

    def __init__(self, topic: str, limit: int) -> None:
        self.topic = topic
        self._limit = limit
        self._let_go = 0
        self._keys: set[object] = set()
        self._kinds: Counter[str] = Counter()
        self._first_of_kind: dict[str, Reason] = {}
        # By assignment, because the records of an assignment that ends go together. Their offsets ascend.
        self._kept: dict[Assignment, list[Undecodable]] = {}
        self.kept = 0
        """How many records are kept."""
        self.kept_since: float | None = None
        """Since when any are kept; None while none is."""

    def add(self, unmappable: Undecodable, now: float) -> bool:
        """Add a record; return True if it may become a dead letter, False if it is kept.

        A single key never blocks the others, whatever its producer sends: only different keys lead to a hold.
        Records without a key count as having different keys.
        """
        reason, key = self._count(unmappable.reason), unmappable.record.key
        who = object() if key is None else key
        if len(self._keys) < _DIFFERENT:
            self._keys.add(who)
        if self._let_go < self._limit or len(self._keys) < _DIFFERENT:
            self._let_go += 1
            return True
        self._keep(Undecodable(unmappable.record, reason), now)
        return False

    def release(self) -> list[Undecodable]:
        """Return the kept records: another record of the topic was mapped, so these are bad ones."""
        kept = [each for of_assignment in self._kept.values() for each in of_assignment]
        self._forget(list(self._kept))
        return kept

    def drop_ended(self) -> list[Undecodable]:
        """Drop and return the records whose assignment has ended: the next owner has them."""
        ended = [assignment for assignment in self._kept if not assignment.open]
        dropped = [each for assignment in ended for each in self._kept[assignment]]
        self._forget(ended)
        return dropped

    def kept_of(self, partition: Partition) -> int:
        """Count the records kept for this partition, under assignments that are open."""
        return sum(len(of_assignment) for of_assignment in self._of(partition))

    def is_first_kept(self, partition: Partition, offset: int) -> bool:
        """Whether this is the first record kept for the partition."""
        return any(of_assignment[0].record.offset == offset for of_assignment in self._of(partition))

    def told(self) -> str:
        """Describe how many there were in a row and why, most frequent reason first; no value of a record."""
        whys = (self._why(kind, records) for kind, records in self._kinds.most_common(_REASONS_TOLD))
        return f"topic {self.topic}: {self._kinds.total():,} in a row cannot be mapped: {', '.join(whys)}"

    def _of(self, partition: Partition) -> Iterator[list[Undecodable]]:
        for assignment, of_assignment in self._kept.items():
            if assignment.partition == partition and assignment.open:
                yield of_assignment

    def _why(self, kind: str, records: int) -> str:
        rule, _, _ = self._first_of_kind[kind].text.partition("; ")
        return f"{kind} {records:,} times ({rule})"

    def _count(self, reason: Reason) -> Reason:
        """Count a reason; return one shared instance, because a text for each record would take memory."""
        self._kinds[reason.kind] += 1
        first = self._first_of_kind.setdefault(reason.kind, reason)
        return first if first == reason else reason

    def _keep(self, unmappable: Undecodable, now: float) -> None:
        self._kept.setdefault(unmappable.record.assignment, []).append(unmappable)
        self.kept += 1
        if self.kept_since is None:
            self.kept_since = now

    def _forget(self, assignments: list[Assignment]) -> None:
        for assignment in assignments:
            self.kept -= len(self._kept.pop(assignment))
        if not self.kept:
            self.kept_since = None
