"""The offsets of our partitions: where each log ends, what is to be committed, what Kafka has.

Offsets are committed by name, and only those that are not known to be committed: an idle worker commits
nothing. The figures shown for a partition are from one moment: committed, settled, received and end never
contradict one another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import TopicPartition

from worker.core.model.boundary import Before, Through
from worker.core.model.snapshot import PartitionGauges
from worker.sources.kafka.standstill import Place
from worker.sources.kafka.statistics import PartitionStatistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from worker.core.model.boundary import Boundary
    from worker.core.model.partition import Partition
    from worker.core.offsets.assignment import Assignment

_UNKNOWN = PartitionStatistics()
_FROM_BEGINNING = {"earliest", "smallest", "beginning"}


def offset_of(boundary: Boundary) -> int:
    """Return the offset that Kafka commits: where the next owner begins, at the first record not included."""
    match boundary:
        case Through(position):
            return position + 1
        case Before(position):
            return position


class Offsets:
    """The offsets of a partition for as long as it is ours; the owner of this object says which are.

    Args:
        settings: the consumer's.
        clock: the loop's.
    """

    def __init__(self, settings: Mapping[str, object], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._stable_only = settings.get("isolation.level") != "read_uncommitted"
        self._from_beginning = str(settings.get("auto.offset.reset")).lower() in _FROM_BEGINNING
        self._known: dict[Partition, PartitionStatistics] = {}
        # The latest known, from the statistics or from a question to the brokers.
        self._ends: dict[Partition, int] = {}
        self._begins: dict[Partition, int] = {}
        self._stored: dict[Partition, int] = {}
        # What the broker confirmed: the former is not to be committed again, the latter is shown.
        self._committed: dict[Partition, int] = {}
        # Commits that are not answered, and the latest of them. While they name different offsets, no answer
        # tells which of them the broker will have had last.
        self._sent: dict[Partition, int] = {}
        self._unanswered: dict[Partition, int] = {}
        self._ambiguous: set[Partition] = set()
        self._last_committed: dict[Partition, int] = {}
        # Since when something is stored that the broker does not have.
        self._delayed: dict[Partition, float] = {}

    def store(self, offsets: Mapping[Partition, int]) -> None:
        """Store what to commit next."""
        self._stored |= offsets
        for key, offset in offsets.items():
            if self._committed.get(key) != offset:
                self._delayed.setdefault(key, self._clock())

    def to_commit(self) -> list[TopicPartition]:
        """Return what is stored and, as far as is known, not committed; the caller sends it."""
        new = {key: offset for key, offset in self._stored.items() if self._committed.get(key) != offset}
        for key, offset in new.items():
            if key in self._unanswered and self._sent[key] != offset:
                self._ambiguous.add(key)
            self._sent[key] = offset
            self._unanswered[key] = self._unanswered.get(key, 0) + 1
        return [TopicPartition(*key, offset) for key, offset in new.items()]

    def note_committed(self, offsets: Mapping[Partition, int]) -> None:
        """Note what the broker has confirmed. It counts once nothing else is under way to it."""
        for key, offset in offsets.items():
            if key not in self._ambiguous and self._sent.get(key) == offset:
                self._committed[key] = offset
            self._note_answered(key)
        self._last_committed |= offsets
        for key, offset in offsets.items():
            if self._delayed.pop(key, None) is not None and self._stored.get(key) != offset:
                self._delayed[key] = self._clock()

    def note_failed(self, keys: Iterable[Partition]) -> None:
        """Note that a commit of these was refused or not answered: what the broker has is unknown."""
        for key in keys:
            self._committed.pop(key, None)
            self._note_answered(key)

    def _note_answered(self, key: Partition) -> None:
        left = self._unanswered.pop(key, 0) - 1
        if left > 0:
            self._unanswered[key] = left
        else:
            self._ambiguous.discard(key)

    def commit_delays(self) -> dict[Partition, float]:
        """Return for how many seconds something is stored and nothing of the partition was committed."""
        now = self._clock()
        return {key: now - since for key, since in self._delayed.items()}

    def note_known(self, known: Mapping[Partition, PartitionStatistics]) -> None:
        """Note what librdkafka's statistics say."""
        for key, each in known.items():
            end = self._end_of(each)
            # An unchanged figure may be older than an answer that came meanwhile.
            if end >= 0 and end != self._end_of(self._known.get(key, _UNKNOWN)):
                self._ends[key] = end
        self._known |= known

    def note_places(self, begins: Mapping[Partition, int], ends: Mapping[Partition, int]) -> None:
        """Note where these logs begin and end, as the brokers answered."""
        self._begins |= begins
        self._ends |= ends

    def broker(self, key: Partition) -> int:
        """Return the id of the broker from which a partition is fetched; negative: unknown."""
        return self._known.get(key, _UNKNOWN).broker

    def next_offset(self, key: Partition) -> int:
        """Return where librdkafka continues; negative: unknown."""
        return self._known.get(key, _UNKNOWN).next_offset

    def go_back(self, key: Partition, offset: int) -> None:
        """Have ``offset`` committed whatever was before, because the log of this partition was cut."""
        self._stored[key] = offset
        self._committed.pop(key, None)
        if key in self._unanswered:
            self._ambiguous.add(key)
        self._delayed.setdefault(key, self._clock())
        # These belong to the log before the cut.
        self._known.pop(key, None)
        self._ends.pop(key, None)
        self._begins.pop(key, None)

    def forget(self, keys: Iterable[Partition]) -> None:
        """Forget partitions that are no longer ours, or are assigned anew."""
        for key in keys:
            self._known.pop(key, None)
            self._ends.pop(key, None)
            self._begins.pop(key, None)
            self._stored.pop(key, None)
            self._committed.pop(key, None)
            self._sent.pop(key, None)
            self._unanswered.pop(key, None)
            self._ambiguous.discard(key)
            self._last_committed.pop(key, None)
            self._delayed.pop(key, None)

    def place(self, key: Partition, position: int | None) -> Place:
        """Return where a partition is, by what came (``position`` is next) and by librdkafka's account."""
        known, at = self._known.get(key, _UNKNOWN), position
        if known.fetchq_cnt == 0 and known.next_offset >= 0:
            # It has passed offsets that hold no record: transaction markers, and what was compacted away.
            at = max(at or 0, known.next_offset)
        if at is None and self._from_beginning:
            at = self._begins.get(key)
        end = self._ends.get(key)
        return Place(at, None if end is None else max(end, at or 0), waits=known.fetchq_cnt > 0)

    def gauges(self, assignment: Assignment, position: int | None) -> PartitionGauges:
        """Return figures for a partition, with its lag as far as it is known."""
        received, settled = _offset(assignment.received_up_to()), _offset(assignment.settled_up_to())
        if received is not None:
            position = received if position is None else max(received, position)
        place = self.place(assignment.partition, position)
        at = settled if assignment.unsettled() else place.at
        lag = None if place.end is None or at is None else max(0, place.end - at)
        committed = self._committed_of(assignment, settled, place.end)
        return PartitionGauges(assignment.partition, lag, place.end, committed, settled, received)

    def _end_of(self, known: PartitionStatistics) -> int:
        return known.ls_offset if self._stable_only and known.ls_offset >= 0 else known.hi_offset

    def _committed_of(self, assignment: Assignment, settled: int | None, end: int | None) -> int | None:
        """Return the committed offset, unless it belongs to an earlier log with higher offsets."""
        key = assignment.partition
        committed = self._last_committed.get(key)
        if committed is None:
            committed = self._known.get(key, _UNKNOWN).committed_offset
        beyond = settled if settled is not None else end
        return None if committed < 0 or (beyond is not None and committed > beyond) else committed


def _offset(boundary: Boundary | None) -> int | None:
    return None if boundary is None else offset_of(boundary)
