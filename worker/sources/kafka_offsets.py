"""The offsets of the partitions that are ours: where each ends, what is to be committed, what Kafka has.

Offsets are committed by name, and only what is not known to be committed: an idle worker commits nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import TopicPartition

from worker.core.snapshot import PartitionGauges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.core.lease import Lease

Key = tuple[str, int]


class Offsets:
    """Kept for as long as a partition is ours; whoever keeps this says which are."""

    def __init__(self) -> None:
        """Begin without partitions."""
        # By librdkafka's statistics: the end, and what is committed; negative: not known.
        self._known: dict[Key, tuple[int, int]] = {}
        self._stored: dict[Key, int] = {}
        # What the broker said that it has.
        self._committed: dict[Key, int] = {}

    def store(self, offsets: Mapping[Key, int]) -> None:
        """Note what to commit next."""
        self._stored |= offsets

    def to_commit(self) -> list[TopicPartition]:
        """What is stored and, as far as is known, not what the broker has."""
        stored = self._stored.items()
        return [TopicPartition(*key, offset) for key, offset in stored if self._committed.get(key) != offset]

    def note_committed(self, offsets: Mapping[Key, int]) -> None:
        """Note what the broker has."""
        self._committed |= offsets

    def note_known(self, known: Iterable[tuple[Key, tuple[int, int]]]) -> None:
        """Note the ends, and what is committed, by librdkafka's statistics."""
        self._known |= known

    def go_back(self, key: Key, offset: int) -> None:
        """The log of this partition was cut: ``offset`` is to be committed, whatever was before."""
        self._stored[key] = offset
        self._committed.pop(key, None)

    def forget(self, keys: Iterable[Key]) -> None:
        """They are not ours any more, or anew."""
        for key in keys:
            self._known.pop(key, None)
            self._stored.pop(key, None)
            self._committed.pop(key, None)

    def gauges(self, lease: Lease) -> PartitionGauges:
        """A partition with its lag, as far as it is known."""
        known = self._known.get((lease.topic, lease.partition), (-1, -1))
        end, committed = (None if offset < 0 else offset for offset in known)
        committed = committed if lease.committed_offset is None else lease.committed_offset
        at = committed if lease.next_offset is None else lease.committable()
        lag = None if end is None or at is None else max(0, end - at)
        return PartitionGauges(lease.topic, lease.partition, lag, end, committed)
