"""Puts records on a topic, in order."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, Producer

from tests.support.kafka_topics import QUIET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from confluent_kafka import KafkaError, Message

    from tests.support.crash_test_records import CrashTestRecord
    from tests.support.kafka_topics import KafkaTopics

FLUSH_SECONDS = 30.0
# With a broker that stands still; by itself it would be a minute.
PATIENCE = {"request.timeout.ms": 4_000, "socket.timeout.ms": 5_000}


class Feed:
    """Puts the records on the topic, in order."""

    def __init__(self, kafka: KafkaTopics, topic: str, records: Sequence[CrashTestRecord]) -> None:
        """Connect by itself; nothing is put yet."""
        self.records = records
        self._topic, self._put = topic, 0
        settings: dict[str, Any] = {"enable.idempotence": True, "partitioner": "murmur2_random"}
        settings["queue.buffering.max.messages"] = 1_000_000
        settings |= PATIENCE
        self._settings = {"bootstrap.servers": kafka.bootstrap_servers, **settings, **QUIET}
        self._producer = Producer(self._settings)
        self._turn = threading.Lock()

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
        with self._turn:
            for number in range(self._put, int(min(1.0, share) * len(self.records))):
                each = self.records[number]
                self._producer.produce(self._topic, each.value, each.session_id, on_delivery=_complain)
                self._put += 1
            self._producer.poll(0)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """The broker has all that was offered, and gets no more; then another producer goes on.

        Over the cut of a log: an idempotent producer whose last records are gone is done for.
        """
        with self._turn:
            self.flush(FLUSH_SECONDS)
            yield
            self._producer = Producer(self._settings)

    def flush(self, seconds: float) -> None:
        """Return once the broker has all that was offered."""
        if self._producer.flush(seconds):
            raise TimeoutError("the records did not reach the topic")


def _complain(error: KafkaError | None, _: Message) -> None:
    if error is not None:
        raise KafkaException(error)
