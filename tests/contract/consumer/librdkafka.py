"""librdkafka's consumer, as the worker's source uses it, on brokers that somebody else provides."""

from __future__ import annotations

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.aio import AIOConsumer

from tests.contract.consumer.stand import Stand
from worker.settings import KafkaSettings
from worker.sources.kafka.client_settings import client_settings

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

    from tests.contract.consumer.reader import Reader
    from tests.contract.consumer.stand import Protocol, Reset

_SECONDS: Final = 20.0
# The least that brokers allow.
SESSION_MS: Final = 6000
_QUIET: Final[dict[str, Any]] = {"log_level": 0}
_CLASSIC: Final[dict[str, Any]] = {"session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": 300}
_BY_PROTOCOL: Final[dict[Protocol, dict[str, Any]]] = {
    "cooperative": _CLASSIC,
    "eager": {**_CLASSIC, "partition.assignment.strategy": "range"},
    "consumer": {"group.protocol": "consumer"},
}


class LibrdkafkaStand(Stand):
    """Writes, commits and asks as clients do; what only brokers can do is left to the two kinds of it."""

    def __init__(
        self, servers: str, protocol: Protocol, reset: Reset, partitions: int, *, asks: str | None = None
    ) -> None:
        """Readers connect to ``servers``, all the others to ``asks``."""
        super().__init__(protocol, reset, partitions)
        self._servers, self._asks = servers, asks or servers
        self.topic = f"contract-{uuid.uuid4().hex[:8]}"
        self._group = f"group-{self.topic}"
        self._threads = ThreadPoolExecutor(16, "contract")
        self._producer = self._new_producer()

    def _new_producer(self) -> Producer:
        return Producer({"bootstrap.servers": self._asks, "acks": "all", **_QUIET})

    async def write(self, partition: int, *names: str) -> None:
        await asyncio.to_thread(self._write, partition, names, b"v")

    def _write(self, partition: int, names: tuple[str, ...], value: bytes) -> None:
        errors: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                errors.append(error)

        for name in names:
            self._producer.produce(self.topic, value, name, partition=partition, on_delivery=delivered)
        if self._producer.flush(_SECONDS):
            raise TimeoutError("the broker did not take what was written")
        if errors:
            raise KafkaException(errors[0])

    async def committed(self, partition: int = 0) -> int | None:
        return await asyncio.to_thread(self._committed, partition)

    def _committed(self, partition: int) -> int | None:
        with self._outsider() as outsider:
            (found,) = outsider.committed([TopicPartition(self.topic, partition)], _SECONDS)
        return found.offset if found.offset >= 0 else None

    async def commit_from_outside(self, partition: int, offset: int) -> None:
        await asyncio.to_thread(self._commit, TopicPartition(self.topic, partition, offset))

    def _commit(self, position: TopicPartition) -> None:
        with self._outsider() as outsider:
            (done,) = outsider.commit(offsets=[position], asynchronous=False)
        if done.error:
            raise KafkaException(done.error)

    def _outsider(self) -> Consumer:
        return Consumer({"bootstrap.servers": self._asks, "group.id": self._group, **_QUIET})

    async def _connect(self, reader: Reader, *, impatient: bool) -> None:
        client = {
            **_QUIET,
            **_BY_PROTOCOL[self.protocol],
            "auto.offset.reset": self.reset,
            "max.poll.interval.ms": SESSION_MS if impatient else 300_000,
            "topic.metadata.refresh.interval.ms": 1000,
            "client.id": reader.name,
        }
        kafka = KafkaSettings(
            bootstrap_servers=self._servers, topics=(self.topic,), group_id=self._group, client=client
        )
        settings = client_settings(kafka, for_="consumer") | {"error_cb": reader.failed}
        await reader.open(AIOConsumer(settings, executor=self._threads))

    async def out_of_sight(self, reader: Reader) -> None:
        """``max.poll.interval.ms`` and a bit more."""
        loop = asyncio.get_running_loop()
        end = loop.time() + SESSION_MS / 1000 + 1.0
        while loop.time() < end:
            await self._turn(reader)
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        await super().close()
        self._threads.shutdown(wait=False)
