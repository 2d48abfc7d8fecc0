"""The offsets of the partitions that are ours: where each ends, what is to be committed, what Kafka has.

Offsets are committed by name, and only what is not known to be committed: an idle worker commits nothing.
What is shown of a partition are figures of one moment: committed, settled, received and end never contradict
one another.
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
    """What Kafka commits: where the next owner begins, which is the first record that is not included."""
    match boundary:
        case Through(position):
            return position + 1
        case Before(position):
            return position


class Offsets:
    """Kept for as long as a partition is ours; whoever keeps this says which are."""

    def __init__(self, settings: Mapping[str, object], clock: Callable[[], float]) -> None:
        """Begin without partitions; ``settings`` are the consumer's."""
        self._clock = clock
        self._stable_only = settings.get("isolation.level") != "read_uncommitted"
        self._from_beginning = str(settings.get("auto.offset.reset")).lower() in _FROM_BEGINNING
        self._known: dict[Partition, PartitionStatistics] = {}
        # The latest word on each, of the statistics or of whoever was asked.
        self._ends: dict[Partition, int] = {}
        self._begins: dict[Partition, int] = {}
        self._stored: dict[Partition, int] = {}
        # What the broker said that it has: what is not to be committed again, and what is shown.
        self._committed: dict[Partition, int] = {}
        self._last_committed: dict[Partition, int] = {}
        # Since when there is something stored that the broker does not have.
        self._delayed: dict[Partition, float] = {}

    def store(self, offsets: Mapping[Partition, int]) -> None:
        """Note what to commit next."""
        self._stored |= offsets
        for key, offset in offsets.items():
            if self._committed.get(key) != offset:
                self._delayed.setdefault(key, self._clock())

    def to_commit(self) -> list[TopicPartition]:
        """What is stored and, as far as is known, not what the broker has."""
        stored = self._stored.items()
        return [TopicPartition(*key, offset) for key, offset in stored if self._committed.get(key) != offset]

    def note_committed(self, offsets: Mapping[Partition, int]) -> None:
        """Note what the broker has."""
        self._committed |= offsets
        self._last_committed |= offsets
        for key, offset in offsets.items():
            if self._delayed.pop(key, None) is not None and self._stored.get(key) != offset:
                self._delayed[key] = self._clock()

    def commit_delays(self) -> dict[Partition, float]:
        """For how many seconds something has been stored, and nothing of the partition was committed."""
        now = self._clock()
        return {key: now - since for key, since in self._delayed.items()}

    def note_known(self, known: Mapping[Partition, PartitionStatistics]) -> None:
        """Note what librdkafka's statistics say."""
        for key, each in known.items():
            end = self._end_of(each)
            # The same as before may be older than what was asked for meanwhile.
            if end >= 0 and end != self._end_of(self._known.get(key, _UNKNOWN)):
                self._ends[key] = end
        self._known |= known

    def note_places(self, begins: Mapping[Partition, int], ends: Mapping[Partition, int]) -> None:
        """Note where these logs begin and end, as the brokers were asked."""
        self._begins |= begins
        self._ends |= ends

    def broker(self, key: Partition) -> int:
        """The id of the broker that it is fetched from; negative: not known."""
        return self._known.get(key, _UNKNOWN).broker

    def next_offset(self, key: Partition) -> int:
        """Where librdkafka goes on; negative: not known."""
        return self._known.get(key, _UNKNOWN).next_offset

    def go_back(self, key: Partition, offset: int) -> None:
        """The log of this partition was cut: ``offset`` is to be committed, whatever was before."""
        self._stored[key] = offset
        self._committed.pop(key, None)
        self._delayed.setdefault(key, self._clock())
        # Of the log before the cut.
        self._known.pop(key, None)
        self._ends.pop(key, None)
        self._begins.pop(key, None)

    def forget(self, keys: Iterable[Partition]) -> None:
        """They are not ours any more, or anew."""
        for key in keys:
            self._known.pop(key, None)
            self._ends.pop(key, None)
            self._begins.pop(key, None)
            self._stored.pop(key, None)
            self._committed.pop(key, None)
            self._last_committed.pop(key, None)
            self._delayed.pop(key, None)

    def place(self, key: Partition, position: int | None) -> Place:
        """Where a partition is, by what came of it (``position`` is next) and by librdkafka's own account."""
        known, at = self._known.get(key, _UNKNOWN), position
        if known.fetchq_cnt == 0 and known.next_offset >= 0:
            # It has stepped over what is no record: the markers of transactions, what was compacted away.
            at = max(at or 0, known.next_offset)
        if at is None and self._from_beginning:
            at = self._begins.get(key)
        end = self._ends.get(key)
        return Place(at, None if end is None else max(end, at or 0), waits=known.fetchq_cnt > 0)

    def gauges(self, assignment: Assignment, position: int | None) -> PartitionGauges:
        """A partition with its lag, as far as it is known."""
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
        """What is committed; what is known of another log, that counted on, is not."""
        key = assignment.partition
        committed = self._last_committed.get(key)
        if committed is None:
            committed = self._known.get(key, _UNKNOWN).committed_offset
        beyond = settled if settled is not None else end
        return None if committed < 0 or (beyond is not None and committed > beyond) else committed


def _offset(boundary: Boundary | None) -> int | None:
    return None if boundary is None else offset_of(boundary)
