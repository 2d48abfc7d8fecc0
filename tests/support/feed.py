"""Puts records on a topic, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, Producer

from tests.support.kafka_topics import QUIET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import KafkaError, Message

    from tests.support.kafka_topics import KafkaTopics
    from tests.support.ordeal_records import OrdealRecord

FLUSH_SECONDS = 30.0


class Feed:
    """Puts the records on the topic, in order."""

    def __init__(self, kafka: KafkaTopics, topic: str, records: Sequence[OrdealRecord]) -> None:
        """Connect by itself; nothing is put yet."""
        self.records = records
        self._topic, self._put = topic, 0
        settings: dict[str, Any] = {"enable.idempotence": True, "partitioner": "murmur2_random"}
        settings["queue.buffering.max.messages"] = 1_000_000
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, **settings, **QUIET})

    @property
    def is_over(self) -> bool:
        """Whether all are on their way to the topic."""
        return self._put == len(self.records)

    def put_until(self, share: float) -> None:
        """Put what is missing of so large a share of the records; return once the broker has them."""
        self.offer_until(share)
        self.flush(FLUSH_SECONDS)

    def offer_until(self, share: float) -> None:
        """As ``put_until``, without waiting: the broker may be away."""
        for number in range(self._put, int(min(1.0, share) * len(self.records))):
            each = self.records[number]
            self._producer.produce(self._topic, each.value, each.session_id, on_delivery=_complain)
            self._put += 1
        self._producer.poll(0)

    def flush(self, seconds: float) -> None:
        """Return once the broker has all that was offered."""
        if self._producer.flush(seconds):
            raise TimeoutError("the records did not reach the topic")


def _complain(error: KafkaError | None, _: Message) -> None:
    if error is not None:
        raise KafkaException(error)
