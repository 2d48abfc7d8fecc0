"""Counts records that the broker deleted before they were read, by partition.

Where the offsets jump, the records between are gone. Compaction and transactions cause normal gaps. Otherwise
the log begins only after the gap now, because of retention or because somebody deleted records. So only a
part of a jump counts as lost: below the beginning of the log, requested after the jump was seen, and above
the offset to which librdkafka had advanced before. An offset that was no record is counted with the others,
because nobody can tell any more.

A loss counts once the group has committed past it. Until then another owner would find the same gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.core.model.partition import Partition


class Loss(Struct, frozen=True):
    """The offsets from ``first`` up to ``end`` are gone."""

    partition: Partition
    first: int
    end: int

    @property
    def records(self) -> int:
        """How many records are lost, at most."""
        return self.end - self.first


class Rest(Struct, frozen=True):
    """A partition of which nothing is on its way to us."""

    position: int | None
    """What should come next; None: nothing came, and nothing was committed."""
    next_offset: int
    """Where librdkafka will continue; negative: unknown."""


class RetentionLosses:
    """The losses of the partitions that are ours."""

    def __init__(self) -> None:
        self._gaps: dict[Partition, tuple[int, int]] = {}
        # Everything before this offset was read, or is known to be lost, or is no record.
        self._accounted: dict[Partition, int] = {}
        self._found: dict[Partition, list[Loss]] = {}
        self._lost: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}
        self.counted = 0
        """Lost records that the group has committed past, since the start."""

    def skipped(self, key: Partition, first: int, end: int) -> None:
        """Note that nothing came from ``first`` up to ``end``, where the partition continues."""
        before = self._gaps.get(key, (0, 0))
        # The widest gap is kept: one made by retention skips more than many transactions together.
        if end - first > before[1] - before[0]:
            self._gaps[key] = first, end

    def to_judge(self) -> bool:
        """Whether there are gaps that may be losses."""
        return bool(self._gaps)

    def judge(self, begins: Mapping[Partition, int], resting: Mapping[Partition, Rest]) -> Iterator[Loss]:
        """Iterate over what turns out to be lost.

        Args:
            begins: where these logs begin, requested after the known gaps were seen.
            resting: the partitions of which nothing is on its way.
        """
        for key, begin in begins.items():
            rest = resting.get(key)
            loss = self._judged(key, begin, rest)
            if rest is not None and rest.next_offset >= begin:
                self._account(key, rest.next_offset)
            if loss is not None:
                self._found.setdefault(key, []).append(loss)
                self._lost[key] = self.of(key) + loss.records
                self._count(key)
                yield loss

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        """Note the offsets that the group has committed."""
        self._committed.update(offsets)
        for key in offsets:
            self._count(key)

    def of(self, key: Partition) -> int:
        """Return how many records of this partition are lost, as far as is known, since it is ours."""
        return self._lost.get(key, 0)

    def forget(self, keys: Iterable[Partition]) -> None:
        """Forget partitions that are no longer ours, or begin anew."""
        for key in keys:
            self._gaps.pop(key, None)
            self._accounted.pop(key, None)
            self._found.pop(key, None)
            self._lost.pop(key, None)
            self._committed.pop(key, None)

    def cut(self, key: Partition, offset: int) -> None:
        """Note that the log continues at ``offset``, below what was read: what was known of it is void."""
        self._gaps.pop(key, None)
        self._accounted[key] = min(self._accounted.get(key, 0), offset)
        self._committed.pop(key, None)

    def _count(self, key: Partition) -> None:
        """Count what was found and is committed past: a gap may be judged after the last commit."""
        if found := self._found.get(key):
            committed = self._committed.get(key, 0)
            self.counted += sum(each.records for each in found if each.end <= committed)
            self._found[key] = [each for each in found if each.end > committed]

    def _judged(self, key: Partition, begin: int, rest: Rest | None) -> Loss | None:
        first, end = self._gaps.pop(key, (0, 0))
        if not end and rest is not None and rest.position is not None:
            first, end = rest.position, begin
        first, end = max(first, self._accounted.get(key, 0)), min(end, begin)
        if first >= end:
            return None
        self._account(key, end)
        return Loss(key, first, end)

    def _account(self, key: Partition, offset: int) -> None:
        self._accounted[key] = max(offset, self._accounted.get(key, 0))
