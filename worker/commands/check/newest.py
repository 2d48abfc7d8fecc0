"""Reads the newest records of topics without joining a group and without committing anything.

Partitions are assigned, not subscribed to, and each is read from a given offset. So the group's committed
offsets are not needed, no member's partitions move, and nothing is stored.
"""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # documented, but not in its __all__
from msgspec import Struct

from worker.core.model.boundary import Through
from worker.core.model.partition import Partition
from worker.core.offsets.assignment import Assignment
from worker.sources.kafka.client_settings import SILENT_LOG, client_settings
from worker.sources.kafka.messages import RecordReader
from worker.sources.kafka.offsets import offset_of
from worker.sources.kafka.security import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from confluent_kafka import Message
    from confluent_kafka.admin import AdminClient

    from worker.core.model.records import Record
    from worker.settings import KafkaSettings

_AT_ONCE: Final = 500
_LOOK_SECONDS: Final = 0.1
_END: Final = KafkaError._PARTITION_EOF  # noqa: SLF001  librdkafka's own codes are named so


class Span(Struct, frozen=True):
    """Some records of a partition: from ``begin``, inclusive, to ``end``, exclusive."""

    partition: Partition
    begin: int
    end: int


class Newest:
    """Reads the records of some spans, and records why some did not come.

    Args:
        kafka: the settings of the client.
        spans: what to read; nothing is read before ``read``.
    """

    def __init__(self, kafka: KafkaSettings, spans: Sequence[Span]) -> None:
        self.trouble: dict[str | None, str] = {}
        """Kafka's errors by topic; None: of no particular topic."""
        self._kafka = kafka
        self._left = {span.partition: span.end for span in spans}
        self._begins = [TopicPartition(*span.partition, span.begin) for span in spans]
        self._assignments = {
            key: Assignment(key, epoch) for key, epoch in zip(self._left, count(1), strict=False)
        }
        self._reader = RecordReader()

    def unread(self, topic: str) -> bool:
        """Return whether the topic may have more records than were read."""
        return any(name == topic for name, _ in self._left)

    def read(self, seconds: float) -> Iterator[Record]:
        """Yield each record, until all are read or the time is over."""
        if not self._left:
            return
        ours = {"enable.partition.eof": True, "error_cb": self._note, "logger": SILENT_LOG}
        consumer = Consumer(client_settings(self._kafka, for_="consumer") | ours)
        ends = time.monotonic() + seconds
        try:
            consumer.assign(self._begins)
            while self._left and time.monotonic() < ends:
                messages = consumer.consume(_AT_ONCE, timeout=_LOOK_SECONDS)
                before = set(self._left)
                yield from self._wanted(messages)
                # Otherwise the rest of a busy partition would come before the others.
                consumer.pause([TopicPartition(*key) for key in before - self._left.keys()])
        finally:
            consumer.close()

    def _wanted(self, messages: Iterable[Message]) -> Iterator[Record]:
        for message in messages:
            key = Partition(message.topic() or "", message.partition() or 0)
            offset, error = message.offset() or 0, message.error()
            if key not in self._left:
                continue
            if error is not None and error.code() != _END:
                self.trouble[key.topic] = error.str()
            if error is None and offset < self._left[key]:
                yield self._reader.record(message, self._assignments[key], 0.0)
            if error is not None or offset_of(Through(offset)) >= self._left[key]:
                del self._left[key]

    def _note(self, error: KafkaError) -> None:
        self.trouble[None] = without_secrets(error.str())


def newest_spans(
    admin: AdminClient,
    kafka: KafkaSettings,
    topics: Mapping[str, Sequence[int]],
    records: int,
    seconds: float,
) -> tuple[list[Span], dict[str, str]]:
    """Find the newest ``records`` of each topic, and why they can't be found for some.

    They are spread over the topic's partitions as evenly as these have records.
    """
    partitions = [TopicPartition(topic, number) for topic, numbers in topics.items() for number in numbers]
    earliest, latest = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]  # as above
    begins, trouble = partition_offsets(admin, kafka, dict.fromkeys(partitions, earliest), seconds)
    ends, more_trouble = partition_offsets(admin, kafka, dict.fromkeys(partitions, latest), seconds)
    spans = []
    for topic, numbers in topics.items():
        ours = [Partition(topic, number) for number in numbers]
        known = [each for each in ours if {each} <= begins.keys() & ends.keys()]
        shares = spread(records, [ends[each] - begins[each] for each in known])
        spans += [
            Span(each, ends[each] - share, ends[each])
            for each, share in zip(known, shares, strict=True)
            if share
        ]
    return spans, trouble | more_trouble


def spread(records: int, lengths: Sequence[int]) -> list[int]:
    """Return how many of ``records`` to take from each, as evenly as their ``lengths`` allow."""
    shares = [0] * len(lengths)
    left, fewest_first = records, sorted(range(len(lengths)), key=lengths.__getitem__)
    for place, index in enumerate(fewest_first):
        # What the shorter ones lack is taken from the longer.
        shares[index] = min(max(0, lengths[index]), left // (len(lengths) - place))
        left -= shares[index]
    return shares


def partition_offsets(
    admin: AdminClient,
    kafka: KafkaSettings,
    wanted: Mapping[TopicPartition, OffsetSpec],
    seconds: float,
) -> tuple[dict[Partition, int], dict[str, str]]:
    """Return the wanted offset by partition (-1: there is none), and by topic why one can't be had."""
    # The end as the configured consumer sees it: records of an open transaction are not included.
    uncommitted = kafka.client.get("isolation.level") == "read_uncommitted"
    isolation = IsolationLevel.READ_UNCOMMITTED if uncommitted else IsolationLevel.READ_COMMITTED
    asked = admin.list_offsets(dict(wanted), isolation_level=isolation, request_timeout=seconds)
    offsets, trouble = {}, {}
    for each, answer in asked.items():
        try:
            offsets[Partition(each.topic, each.partition)] = answer.result().offset
        except KafkaException as error:
            trouble[each.topic] = error.args[0].str()
    return offsets, trouble
