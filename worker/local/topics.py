"""The demo's use of Kafka: it fills a topic, and looks at it afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from msgspec import Struct

from worker.core.model import dead_letter_headers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.local.traffic import TopicRecord

SILENT = {"log_level": 0}
ANSWER_SECONDS = 5.0
FLUSH_SECONDS = 10.0


class Letter(Struct, frozen=True):
    """A dead letter: the record's value, and the kind and the text of the reason."""

    value: bytes
    reason: str
    text: str = ""


class TopicFeed:
    """Produces records to a topic. It connects by itself.

    Args:
        bootstrap_servers: the brokers.
        topic: the topic.
    """

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._topic = topic
        # Distributes keys as Java's producers do.
        settings = {"bootstrap.servers": bootstrap_servers, "partitioner": "murmur2_random"}
        self._producer = Producer(settings | SILENT)

    def put(self, records: Sequence[TopicRecord]) -> None:
        """Hand records to the producer, in order."""
        for record in records:
            self._producer.produce(self._topic, record.value, record.key)
        self._producer.poll(0)

    def finish(self) -> None:
        """Return once the broker has all records.

        Raises:
            KafkaException: some did not arrive in time.
        """
        if left := self._producer.flush(FLUSH_SECONDS):
            msg = f"{left} records did not reach the embedded Kafka"
            raise KafkaException(msg)


class TopicWatch:
    """Reads topics and a group's offsets without being a member. Its calls block; it connects by itself.

    Args:
        bootstrap_servers: the brokers.
        group_id: the group.
    """

    def __init__(self, bootstrap_servers: str, group_id: str) -> None:
        settings = {"bootstrap.servers": bootstrap_servers, "group.id": group_id, "enable.auto.commit": False}
        self._consumer = Consumer(settings | SILENT)

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def length(self, topic: str) -> int:
        """Return how many records the topic has had."""
        return sum(self._ends(self._partitions(topic)))

    def uncommitted(self, topic: str) -> int:
        """Return how many records come after the group's committed offsets."""
        partitions = self._partitions(topic)
        offsets = self._consumer.committed(partitions, timeout=ANSWER_SECONDS)
        ends = self._ends(partitions)
        return sum(end - max(committed.offset, 0) for end, committed in zip(ends, offsets, strict=True))

    def letters(self, topic: str) -> list[Letter]:
        """Return all dead letters."""
        count = self.length(topic)
        self._consumer.assign(self._partitions(topic))
        letters: list[Letter] = []
        while len(letters) < count and (messages := self._consumer.consume(count, ANSWER_SECONDS)):
            for message in messages:
                headers = dict(message.headers() or ())
                reason = headers.get(dead_letter_headers.ERROR_CLASS)
                known = reason.decode() if isinstance(reason, bytes) else "unknown"
                text = headers.get(dead_letter_headers.REASON)
                letters.append(
                    Letter(message.value() or b"", known, text.decode() if isinstance(text, bytes) else "")
                )
        return letters

    def _partitions(self, topic: str) -> list[TopicPartition]:
        """Return the topic's partitions, each at its start."""
        found = self._consumer.list_topics(topic, ANSWER_SECONDS).topics[topic].partitions
        return [TopicPartition(topic, number, OFFSET_BEGINNING) for number in sorted(found)]

    def _ends(self, partitions: list[TopicPartition]) -> list[int]:
        return [self._consumer.get_watermark_offsets(each, ANSWER_SECONDS)[1] for each in partitions]
