"""The source, as a real member of a group on the embedded Kafka."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from worker.core.model.boundary import Before, Through
from worker.core.model.partition import Partition
from worker.core.offsets.tracker import OffsetTracker
from worker.local.kafka import EmbeddedKafka
from worker.settings import KafkaSettings
from worker.sources.kafka.client_settings import client_settings
from worker.sources.kafka.source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from worker.core.model.boundary import Boundary
    from worker.core.model.records import Record
    from worker.core.offsets.assignment import Assignment

pytestmark = pytest.mark.slow

TOPIC, PARTITIONS = "interactions", 3


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka({TOPIC: PARTITIONS}) as running:
        yield running


class LeasesTwin:
    """Opens and ends assignments; on a revoke it gives what the test says."""

    def __init__(self) -> None:
        self.tracker = OffsetTracker()
        self.told: list[str] = []
        self.to_commit: dict[Partition, Boundary] = {}
        self.broker_has: dict[Partition, Boundary] = {}

    def assigned(self, partitions: Sequence[Partition]) -> Sequence[Assignment]:
        self.told.append("assigned")
        return [self.tracker.open(each) for each in partitions]

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Boundary]:
        self.told.append("revoked")
        await asyncio.sleep(0)
        for each in partitions:
            self.tracker.end(each)
        return {key: each for key, each in self.to_commit.items() if key in partitions}

    def cut(self, partition: Partition, position: int) -> Assignment:
        self.told.append(f"cut at {position}")
        return self.tracker.cut(partition, position)

    def lost(self, partitions: Sequence[Partition]) -> None:
        self.told.append("lost")
        for each in partitions:
            self.tracker.end(each)

    def committed(self, boundaries: Mapping[Partition, Boundary]) -> None:
        self.broker_has |= boundaries


def produce(kafka: EmbeddedKafka, *values: bytes | None, partition: int = 0, **more: Any) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    for value in values:
        producer.produce(TOPIC, value, partition=partition, **more)
    assert producer.flush(10) == 0


def committed(kafka: EmbeddedKafka) -> dict[int, int]:
    """What the broker has for the group, by partition."""
    reader = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "g", "log_level": 0})
    try:
        answer = reader.committed([TopicPartition(TOPIC, each) for each in range(PARTITIONS)], timeout=10)
        return {each.partition: each.offset for each in answer if each.offset >= 0}
    finally:
        reader.close()


class Member:
    """A source with its assignments, and what came of it."""

    def __init__(self, kafka: EmbeddedKafka, topics: Sequence[str], commit_seconds: float) -> None:
        kafka_section = KafkaSettings(
            bootstrap_servers=kafka.bootstrap_servers,
            topics=tuple(topics),
            group_id="g",
            client={"session.timeout.ms": 6000, "log_level": 0},
        )
        self.assignments = LeasesTwin()
        self.records: list[Record] = []
        self.source = KafkaSource(
            client_settings(kafka_section, for_="consumer"),
            topics,
            commit_seconds=commit_seconds,
            clock=time.monotonic,
        )

    async def until(self, condition: Callable[[], object], max_records: int = 100) -> None:
        """Receive until the condition holds."""
        deadline = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < deadline, "the condition never came true"
            self.records += await self.source.receive(max_records)

    def assigned(self) -> bool:
        return len(self.assignments.tracker) == PARTITIONS


@asynccontextmanager
async def member(
    kafka: EmbeddedKafka, topics: Sequence[str] = (TOPIC,), commit_seconds: float = 60
) -> AsyncIterator[Member]:
    made = Member(kafka, topics, commit_seconds)
    await made.source.open(made.assignments)
    try:
        yield made
    finally:
        await made.source.close()


async def test_records_come_byte_for_byte_under_their_assignment(kafka: EmbeddedKafka) -> None:
    produce(kafka, b"v", None, b"", key=b"k", headers=[("h", b"1"), ("h", None)], timestamp=1_700_000_000_123)
    async with member(kafka) as one:
        await one.until(lambda: len(one.records) == 3)
        assert [record.value for record in one.records] == [b"v", None, b""]
        first = one.records[0]
        assert (first.key, first.headers) == (b"k", (("h", b"1"), ("h", None)))
        assert (first.offset, first.timestamp_ms) == (0, 1_700_000_000_123)
        assert (first.assignment.partition, first.assignment.open) == ((TOPIC, 0), True)


async def test_no_more_come_than_were_asked_for(kafka: EmbeddedKafka) -> None:
    produce(kafka, *[b"v"] * 50)
    async with member(kafka) as one:
        await one.until(one.assigned)
        while len(one.records) < 50:
            some = await one.source.receive(7)
            assert len(some) <= 7
            one.records += some
        assert [record.offset for record in one.records] == list(range(50))


async def test_of_large_records_fewer_come_at_once(kafka: EmbeddedKafka) -> None:
    """Most of it compressed away: librdkafka fetches all of it in one go, and unpacks it."""
    settings = {"bootstrap.servers": kafka.bootstrap_servers, "compression.type": "zstd", "log_level": 0}
    producer = Producer(settings)
    for _ in range(40):
        producer.produce(TOPIC, b"v" * 900_000, partition=0)
    assert producer.flush(10) == 0
    async with member(kafka) as one:
        await one.until(one.assigned)
        largest = 0
        while len(one.records) < 40:
            some = await one.source.receive(1000)
            largest = max(largest, len(some))
            one.records += some
    assert [record.offset for record in one.records] == list(range(40))
    assert 1 < largest < 10


async def test_what_is_stored_is_committed_when_it_is_time(kafka: EmbeddedKafka) -> None:
    produce(kafka, b"v", b"v")
    async with member(kafka, commit_seconds=0.05) as one:
        await one.until(lambda: len(one.records) == 2)
        await one.source.store({Partition(TOPIC, 0): Through(0)})
        await one.until(lambda: one.assignments.broker_has)
        assert one.assignments.broker_has == {(TOPIC, 0): Before(1)}
    assert committed(kafka) == {0: 1}


async def test_nothing_is_committed_that_was_not_stored(kafka: EmbeddedKafka) -> None:
    produce(kafka, *[b"v"] * 10)
    async with member(kafka, commit_seconds=0.01) as one:
        await one.until(lambda: len(one.records) == 10)
        await one.source.commit()
    assert committed(kafka) == {}


async def test_what_was_committed_of_a_longer_log_gives_way(kafka: EmbeddedKafka) -> None:
    """Of what it stores itself, librdkafka would commit nothing below the 100."""
    produce(kafka, *[b"v"] * 5, partition=0)
    longer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "g", "log_level": 0})
    longer.commit(offsets=[TopicPartition(TOPIC, 0, 100)], asynchronous=False)
    longer.close()
    async with member(kafka) as one:
        await one.until(lambda: len(one.records) == 5)
        await one.source.store({Partition(TOPIC, 0): Before(3)})
        await one.source.commit()
        assert committed(kafka) == {0: 3}
    assert one.assignments.broker_has == {(TOPIC, 0): Before(3)}


async def test_a_revoke_commits_what_the_flush_gave(kafka: EmbeddedKafka) -> None:
    produce(kafka, b"v", b"v")
    async with member(kafka) as one:
        await one.until(lambda: len(one.records) == 2)
        one.assignments.to_commit = {Partition(TOPIC, 0): Through(1)}
    assert one.assignments.told == ["assigned", "revoked"]
    assert committed(kafka) == {0: 2}


async def test_an_offset_of_a_partition_that_is_not_ours_is_left_out(kafka: EmbeddedKafka) -> None:
    async with member(kafka) as one:
        await one.until(one.assigned)
        await one.source.store({Partition("elsewhere", 0): Before(5)})
        await one.source.commit()
    assert committed(kafka) == {}


async def test_a_pause_stops_the_flow_and_keeps_the_partitions(kafka: EmbeddedKafka) -> None:
    async with member(kafka) as one:
        await one.until(one.assigned)
        await one.source.pause()
        produce(kafka, b"v")
        for _ in range(10):
            assert not await one.source.receive(10)
        assert one.assigned()
        await one.source.resume()
        await one.until(lambda: len(one.records) == 1)


async def test_a_pattern_subscribes_to_every_topic_that_matches(kafka: EmbeddedKafka) -> None:
    async with member(kafka, topics=["^inter.*"]) as one:
        await one.until(one.assigned)
        assert await one.source.partitions_total() == PARTITIONS


async def test_the_lag_is_known_from_the_statistics(kafka: EmbeddedKafka) -> None:
    produce(kafka, b"v", b"v", b"v")
    async with member(kafka) as one:
        one.source._settings["statistics.interval.ms"] = 100  # noqa: SLF001  the tests' patience, not the user's
        await one.until(lambda: len(one.records) == 3)
        for record in one.records:
            record.assignment.track(record.offset)
        one.records[0].assignment.settle(0)
        await one.until(
            lambda: (
                [each.lag_records for each in one.source.partitions() if each.partition.number == 0] == [2]
            )
        )


async def test_a_broker_that_is_away_is_told_and_forgotten_once_it_is_back(kafka: EmbeddedKafka) -> None:
    async with member(kafka) as one:
        await one.until(one.assigned)
        assert one.source.trouble() is None
        kafka.stop_brokers()
        await one.until(one.source.trouble)
        kafka.start_brokers()
        produce(kafka, b"v")
        await one.until(lambda: one.records)
        await one.until(lambda: one.source.trouble() is None)


async def test_a_topic_that_is_not_there_yet_is_waited_for(kafka: EmbeddedKafka) -> None:
    async with member(kafka, topics=["later"]) as one:
        one.source._settings["topic.metadata.refresh.interval.ms"] = 200  # noqa: SLF001  the tests' patience
        await one.until(one.source.trouble)
        assert "later" in str(one.source.trouble()) or "UNKNOWN_TOPIC" in str(one.source.trouble())
