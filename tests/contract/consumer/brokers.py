"""Real brokers: three, for an unclean election takes a leader, a follower that fell behind, and a quorum."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic  # type: ignore[attr-defined]  # it does not say what it exports

from tests.contract.consumer.librdkafka import LibrdkafkaStand
from tests.support.kafka_topics import QUIET
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.consumer.stand import Protocol, Reset
    from tests.support.java_kafka import JavaKafka

_SECONDS: Final = 30.0
# Of the topics here: the third broker only keeps the quorum, and the offsets.
LEADER, FOLLOWER, KEEPER = 1, 2, 3
_UNKNOWN_PARTITION: Final = KafkaError._UNKNOWN_PARTITION  # noqa: SLF001  librdkafka's own codes are named so
# The follower may be made leader while it lacks what the leader alone has.
_UNCLEAN: Final = {"unclean.leader.election.enable": "true", "min.insync.replicas": "1"}


class BrokersStand(LibrdkafkaStand):
    """librdkafka on Apache Kafka."""

    def __init__(self, kafka: JavaKafka, protocol: Protocol, reset: Reset, partitions: int) -> None:
        kafka.restart()
        super().__init__(kafka.bootstrap_servers, protocol, reset, partitions)
        self._kafka = kafka
        # The third is always there.
        address = f"127.0.0.1:{kafka.brokers[KEEPER - 1].port}"
        self._admin = AdminClient({"bootstrap.servers": address, "socket.timeout.ms": 20_000, **QUIET})

    async def open(self) -> None:
        await asyncio.to_thread(self._make_topic)

    def _make_topic(self) -> None:
        new = NewTopic(
            self.topic,
            self.partitions,
            replica_assignment=[[LEADER, FOLLOWER]] * self.partitions,
            config=_UNCLEAN,
        )
        self._admin.create_topics([new], operation_timeout=30)[self.topic].result(_SECONDS)
        self._until(lambda: self._in_sync() == {LEADER, FOLLOWER}, "the topic in sync")

    async def write_doomed(self, partition: int, *names: str) -> None:
        """Write while the follower stands still."""
        await asyncio.to_thread(self._stop_follower)
        await self.write(partition, *names)

    async def cut(self) -> None:
        """Kill the leader, and let the follower go on: it is out of sync, and becomes leader all the same."""
        await asyncio.to_thread(self._kafka.kill, LEADER)
        # A broker dies with the thread that started it.
        self._kafka.brokers[FOLLOWER - 1].start()
        led = partial(self._until, lambda: self._leaders() == {FOLLOWER}, "the unclean election")
        await asyncio.to_thread(led)

    def _stop_follower(self) -> None:
        self._kafka.kill(FOLLOWER)
        self._until(lambda: self._in_sync() == {LEADER}, "the follower out of sync")

    async def expire(self, partition: int, start: int) -> None:
        position = TopicPartition(self.topic, partition, start)
        await asyncio.to_thread(lambda: self._admin.delete_records([position])[position].result(_SECONDS))

    async def recreate(self) -> None:
        await asyncio.to_thread(self._recreate)

    async def delete(self) -> None:
        await asyncio.to_thread(self._kafka.delete_topic, self.topic)

    async def add_partition(self) -> None:
        more = NewPartitions(self.topic, self.partitions + 1, [[LEADER, FOLLOWER]])
        await asyncio.to_thread(lambda: self._admin.create_partitions([more])[self.topic].result(_SECONDS))

    async def write(self, partition: int, *names: str) -> None:
        """Write also to a partition that was just added, and that not every broker has heard of."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _SECONDS
        while True:
            try:
                return await super().write(partition, *names)
            except KafkaException as error:
                if error.args[0].code() != _UNKNOWN_PARTITION or loop.time() > end:
                    raise
            # Nothing was sent. A producer asks any broker, and asks again after minutes only.
            self._producer = self._new_producer()
            await asyncio.sleep(0.1)

    def _recreate(self) -> None:
        self._kafka.delete_topic(self.topic)
        self._until(lambda: self.topic not in self._admin.list_topics(timeout=5).topics, "the topic's end")
        self._make_topic()

    def _in_sync(self) -> set[int]:
        topic = self._admin.list_topics(self.topic, timeout=5).topics[self.topic]
        return {node for each in topic.partitions.values() for node in each.isrs}

    def _leaders(self) -> set[int]:
        topic = self._admin.list_topics(self.topic, timeout=5).topics[self.topic]
        return {each.leader for each in topic.partitions.values()}

    def _until(self, so: Callable[[], bool], what: str) -> None:
        until(so, _SECONDS, forgiving=(KafkaException, KeyError), what=what)


def keep_offsets_apart(kafka: JavaKafka) -> None:
    """Have the third broker coordinate every group, so that no election takes a group's coordinator."""
    new = NewTopic(
        "__consumer_offsets", 4, replica_assignment=[[KEEPER]] * 4, config={"cleanup.policy": "compact"}
    )
    kafka.admin.create_topics([new], operation_timeout=30)["__consumer_offsets"].result(_SECONDS)
