"""Lag, losses and missing topics on a real Kafka, as the source tells of them."""

from __future__ import annotations

import time
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer, TopicPartition

from tests.support.kafka_topics import QUIET
from tests.support.listener import ListenerTwin
from worker.settings import KafkaSettings
from worker.sources.kafka.client_settings import client_settings
from worker.sources.kafka.source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from tests.support.kafka_topics import KafkaTopics
    from worker.core.model.snapshot import PartitionGauges

pytestmark = pytest.mark.kafka

SOON_SECONDS = 40.0
PROTOCOLS = [{}, {"group.protocol": "consumer"}]


class Member:
    """A source, and what came of it."""

    def __init__(
        self, kafka: KafkaTopics, topics: Sequence[str], group: str, client: Mapping[str, str]
    ) -> None:
        section = KafkaSettings(
            bootstrap_servers=kafka.bootstrap_servers,
            topics=tuple(topics),
            group_id=group,
            client={"log_level": 0, "statistics.interval.ms": 1000, **client},
        )
        self.assignments, self.offsets = ListenerTwin(), set[tuple[str, int]]()
        self.source = KafkaSource(
            client_settings(section, for_="consumer"),
            topics,
            commit_seconds=0.5,
            clock=time.monotonic,
        )

    async def until(self, condition: Callable[[], object], seconds: float = SOON_SECONDS) -> float:
        """Receive until the condition holds: after how many seconds."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() < began + seconds, f"never came true; {self.source.trouble()}"
            for each in await self.source.receive(1000):
                each.assignment.track(each.offset)
                self.assignments.tracker.settle(each)
                self.offsets.add((each.assignment.partition.topic, each.offset))
            await self.source.store(self.assignments.tracker.advanced())
        return time.monotonic() - began

    def gauges(self, topic: str) -> PartitionGauges | None:
        return next((each for each in self.source.partitions() if each.partition.topic == topic), None)

    def lag(self, topic: str) -> int | None:
        gauges = self.gauges(topic)
        return None if gauges is None else gauges.lag_records


@asynccontextmanager
async def member(
    kafka: KafkaTopics, *topics: str, group: str | None = None, client: Mapping[str, str] | None = None
) -> AsyncIterator[Member]:
    made = Member(kafka, topics, group or f"g-{uuid.uuid4().hex[:8]}", client or {})
    await made.source.open(made.assignments)
    try:
        yield made
    finally:
        await made.source.close()


@pytest.fixture
def topic(kafka: KafkaTopics) -> str:
    return kafka.create_topic(f"truth-{uuid.uuid4().hex[:8]}")


def produce(kafka: KafkaTopics, topic: str, count: int) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, **QUIET})
    for _ in range(count):
        producer.produce(topic, b"v", partition=0)
    assert producer.flush(20) == 0


def delete_to(kafka: KafkaTopics, topic: str, offset: int) -> None:
    """As retention does."""
    asked = kafka.admin.delete_records([TopicPartition(topic, 0, offset)])
    assert [each.result(20).low_watermark for each in asked.values()] == [offset]


async def test_behind_a_transactional_producer_the_lag_is_0_at_rest(kafka: KafkaTopics, topic: str) -> None:
    settings = {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topic, **QUIET}
    producer = Producer(settings)
    producer.init_transactions(20)
    producer.begin_transaction()
    for _ in range(100):
        producer.produce(topic, b"v", partition=0)
    producer.commit_transaction(20)
    async with member(kafka, topic) as one:
        await one.until(lambda: len(one.offsets) == 100)
        await one.until(lambda: one.lag(topic) == 0)
        producer.begin_transaction()
        for _ in range(1000):
            producer.produce(topic, b"v", partition=0)
        producer.flush(20)
        began = time.monotonic()
        # Not even while one is open, whoever is asked for the end.
        await one.until(lambda: time.monotonic() > began + 4)
        assert one.lag(topic) == 0
        await one.source.pause()
        began = time.monotonic()
        await one.until(lambda: time.monotonic() > began + 4)
        assert one.lag(topic) == 0
        producer.commit_transaction(20)
        await one.until(lambda: one.lag(topic) in {1000, 1001})
        await one.source.resume()
        await one.until(lambda: len(one.offsets) == 1100 and one.lag(topic) == 0)
        gauges = one.gauges(topic)
        assert gauges is not None
        assert (gauges.lost_records, one.source.trouble()) == (0, None)


async def test_retention_that_overtakes_a_paused_worker_is_counted_once(
    kafka: KafkaTopics, topic: str
) -> None:
    group = f"g-{topic}"
    produce(kafka, topic, 100)
    async with member(kafka, topic, group=group) as one:
        await one.until(lambda: len(one.offsets) == 100)
        await one.source.pause()
        produce(kafka, topic, 900)
        await one.until(lambda: one.lag(topic) == 900)
        delete_to(kafka, topic, 600)
        # It is told while paused, and counted when the group has gone past it.
        await one.until(lambda: (found := one.gauges(topic)) and found.lost_records == 500)
        assert one.source.status().records_lost == 0
        await one.source.resume()
        await one.until(lambda: one.source.status().records_lost == 500)
        assert {offset for _, offset in one.offsets} == {*range(100), *range(600, 1000)}
        delete_to(kafka, topic, 1000)
        began = time.monotonic()
        # What was read and is deleted since is no loss.
        await one.until(lambda: time.monotonic() > began + 4)
        assert one.source.status().records_lost == 500
    async with member(kafka, topic, group=group) as again:
        await again.until(lambda: again.lag(topic) == 0)
        assert again.source.status().records_lost == 0


async def test_retention_that_overtook_a_group_while_it_was_away_is_counted(
    kafka: KafkaTopics, topic: str
) -> None:
    group = f"g-{topic}"
    produce(kafka, topic, 10)
    async with member(kafka, topic, group=group) as one:
        await one.until(lambda: len(one.offsets) == 10)
        await one.source.commit()
    produce(kafka, topic, 90)
    delete_to(kafka, topic, 70)
    async with member(kafka, topic, group=group) as one:
        await one.until(lambda: one.source.status().records_lost == 60)
        assert {offset for _, offset in one.offsets} == set(range(70, 100))


@pytest.mark.parametrize("client", PROTOCOLS, ids=["classic", "KIP-848"])
async def test_a_topic_that_is_made_later_is_read_within_seconds_while_others_flow(
    kafka: KafkaTopics, topic: str, client: dict[str, str]
) -> None:
    later = f"{topic}-later"
    produce(kafka, topic, 1)
    async with member(kafka, topic, later, client=client) as one:
        await one.until(lambda: f"topic {later} does not exist" in str(one.source.trouble()))
        await one.until(lambda: one.offsets)
        kafka.create_topic(later)
        produce(kafka, later, 1)
        assert await one.until(lambda: (later, 0) in one.offsets) < 25
        await one.until(lambda: one.source.trouble() is None)
