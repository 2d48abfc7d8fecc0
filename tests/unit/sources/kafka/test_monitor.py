"""What the source says of Kafka is true for as long as it is so, on the embedded Kafka."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.listener import ListenerTwin
from tests.support.samples import sample
from worker.core.model.partition import Partition
from worker.local.kafka import Api, EmbeddedKafka
from worker.settings import KafkaSettings
from worker.sources.kafka.client_settings import client_settings
from worker.sources.kafka.source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from worker.core.model.records import Record

pytestmark = pytest.mark.slow

KIP_848 = {"group.protocol": "consumer"}


class Member:
    """A source that keeps its books, with a clock that runs as fast as the test wants."""

    def __init__(self, kafka: EmbeddedKafka, topics: Sequence[str], client: Mapping[str, str | int]) -> None:
        self.speed = 1.0
        ours: dict[str, Any] = {
            "log_level": 0,
            "statistics.interval.ms": 200,
            "topic.metadata.refresh.interval.ms": 300,
        }
        if "group.protocol" not in client:
            ours |= {"session.timeout.ms": 6000}
        section = KafkaSettings(
            bootstrap_servers=kafka.bootstrap_servers,
            topics=tuple(topics),
            group_id="g",
            client=ours | dict(client),
        )
        self.assignments = ListenerTwin()
        self.records: list[Record] = []
        self.source = KafkaSource(
            client_settings(section, for_="consumer"),
            topics,
            commit_seconds=0.2,
            clock=lambda: time.monotonic() * self.speed,
        )

    async def turn(self) -> None:
        """Receive, and be done with it at once."""
        came = await self.source.receive(100)
        for each in came:
            each.assignment.track(each.offset)
            self.assignments.tracker.settle(each)
        self.records += came
        await self.source.store(self.assignments.tracker.advanced())

    async def until(self, condition: Callable[[], object], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"the condition never came true; {self.source.trouble()}"
            await self.turn()

    def says(self, *words: str) -> bool:
        said = self.source.trouble() or ""
        return all(each in said for each in words)

    def is_well(self) -> bool:
        return self.source.trouble() is None

    def has(self, *keys: Partition) -> bool:
        return set(keys) <= {each.partition for each in self.assignments.tracker}

    def values(self) -> set[bytes | None]:
        return {each.value for each in self.records}


@asynccontextmanager
async def member(
    kafka: EmbeddedKafka, *topics: str, client: Mapping[str, str | int] | None = None
) -> AsyncIterator[Member]:
    made = Member(kafka, topics, client or {})
    await made.source.open(made.assignments)
    try:
        yield made
    finally:
        await made.source.close()


def produce(kafka: EmbeddedKafka, topic: str, *values: bytes, partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(10) == 0


def commit(kafka: EmbeddedKafka, topic: str, partition: int, offset: int) -> None:
    client = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "g", "log_level": 0})
    client.commit(offsets=[TopicPartition(topic, partition, offset)], asynchronous=False)
    client.close()


async def test_one_of_two_topics_is_missing_until_it_is_made_whatever_flows_meanwhile() -> None:
    with EmbeddedKafka({"t": 1}) as kafka:
        async with member(kafka, "t", "later") as one:
            await one.until(lambda: one.says("topic later does not exist", "kafka.topics"))
            produce(kafka, "t", b"v")
            await one.until(lambda: one.records)
            assert one.says("topic later does not exist")
            assert [each.kind for each in one.source.status().troubles] == ["topic_missing"]
            kafka.create_topic("later", 1)
            produce(kafka, "later", b"w")
            # Within seconds, while the other one flows on.
            await one.until(lambda: b"w" in one.values() and one.is_well(), seconds=60)


async def test_a_missing_topic_is_said_under_kip_848_where_librdkafka_says_nothing() -> None:
    with EmbeddedKafka({"t": 1}) as kafka:
        async with member(kafka, "t", "later", client=KIP_848) as one:
            await one.until(lambda: one.says("topic later does not exist"))
            began = time.monotonic()
            # To ask for it does not make it.
            await one.until(lambda: time.monotonic() > began + 1)
            assert one.says("topic later does not exist")
            kafka.create_topic("later", 1)
            await one.until(one.is_well)


async def test_a_pattern_that_takes_in_no_topic_is_said_too() -> None:
    with EmbeddedKafka({"t": 1}) as kafka:
        async with member(kafka, "t", "^other-.*") as one:
            await one.until(lambda: one.says("topic like ^other-.* does not exist"))
            assert one.has(Partition("t", 0))


async def test_without_any_topic_there_are_no_partitions_and_that_is_why() -> None:
    with EmbeddedKafka({"t": 1}) as kafka:
        async with member(kafka, "missing") as one:
            await one.until(lambda: one.says("no partitions assigned: none of the topics is there"))


async def test_more_pods_than_partitions_is_said_with_what_to_do() -> None:
    with EmbeddedKafka({"t": 1}) as kafka:
        fast = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 200}
        async with member(kafka, "t", client=fast) as one, member(kafka, "t", client=fast) as other:

            def has_one_idle() -> bool:
                return one.says("all 1 are other pods'", "take pods away") or other.says(
                    "all 1 are other pods'", "take pods away"
                )

            async def both() -> None:
                await asyncio.gather(one.turn(), other.turn())

            deadline = time.monotonic() + 120
            while not has_one_idle():
                assert time.monotonic() < deadline
                await both()


async def test_a_partition_whose_offset_is_gone_stands_still_for_as_long_as_it_does() -> None:
    with EmbeddedKafka({"t": 2}) as kafka:
        produce(kafka, "t", b"v")
        commit(kafka, "t", 0, 100)
        commit(kafka, "t", 1, 0)
        async with member(kafka, "t", client={"auto.offset.reset": "error"}) as one:
            await one.until(lambda: one.says("t[0] is not read", "--reset-offsets"))
            produce(kafka, "t", b"w", partition=1)
            await one.until(lambda: b"w" in one.values())
            one.speed = 50.0
            await one.until(lambda: one.source.status().troubles[0].seconds > 200)
            assert one.says("t[0] is not read")
            assert "t[1]" not in str(one.source.trouble())


async def test_a_partition_that_may_not_be_read_is_named_until_it_brings_something() -> None:
    with EmbeddedKafka({"t": 1, "u": 1}) as kafka:
        async with member(kafka, "t", "u") as one:
            await one.until(lambda: one.has(Partition("t", 0), Partition("u", 0)))
            kafka.fail_next(Api.FETCH, *[KafkaError.TOPIC_AUTHORIZATION_FAILED] * 1000)
            await one.until(lambda: one.says("t[0]", "u[0]", "can't be read"))
            kafka.stop_failing(Api.FETCH)
            produce(kafka, "t", b"v")
            await one.until(lambda: one.records)
            assert one.says("u[0]")
            assert not one.says("t[0]")


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.OFFSET_METADATA_TOO_LARGE,
    ],
)
async def test_commits_are_refused_until_one_is_accepted_whatever_comes_meanwhile(code: int) -> None:
    with EmbeddedKafka({"t": 1}) as kafka:
        async with member(kafka, "t") as one:
            await one.until(lambda: one.has(Partition("t", 0)))
            kafka.fail_next(Api.OFFSET_COMMIT, *[code] * 10_000)
            produce(kafka, "t", b"v")
            await one.until(lambda: one.says("offsets of t[0] can't be committed"))
            produce(kafka, "t", b"w")
            await one.until(lambda: b"w" in one.values())
            assert one.says("offsets of t[0] can't be committed")
            assert one.source.status().commit_delay_seconds > 0
            kafka.stop_failing(Api.OFFSET_COMMIT)
            await one.until(lambda: one.is_well() and one.source.status().commit_delay_seconds == 0)


async def test_a_coordinator_that_is_none_is_looked_for_until_it_takes_the_commit() -> None:
    """Meanwhile librdkafka may leave the group and join it again, each with a complaint of its own."""
    with EmbeddedKafka({"t": 1}) as kafka:
        async with member(kafka, "t") as one:
            await one.until(lambda: one.has(Partition("t", 0)))
            kafka.fail_next(Api.OFFSET_COMMIT, *[KafkaError.NOT_COORDINATOR] * 3)
            produce(kafka, "t", b"v")

            def is_committed() -> bool:
                return [each.committed_offset for each in one.source.partitions()] == [1]

            await one.until(lambda: is_committed() and one.is_well(), seconds=60)


async def test_while_paused_the_end_goes_on() -> None:
    with EmbeddedKafka({"t": 1}) as kafka:
        produce(kafka, "t", b"v")
        async with member(kafka, "t") as one:
            await one.until(lambda: one.records)
            await one.source.pause()
            produce(kafka, "t", *[b"w"] * 70)
            await one.until(lambda: [each.lag_records for each in one.source.partitions()] == [70])
            assert one.is_well()
            await one.source.resume()
            await one.until(lambda: [each.lag_records for each in one.source.partitions()] == [0])


async def test_a_partition_that_stands_still_while_its_log_goes_on_is_said() -> None:
    """Whatever the cause: here somebody pauses it behind the source's back."""
    with EmbeddedKafka({"t": 1}) as kafka:
        produce(kafka, "t", b"v")
        async with member(kafka, "t") as one:
            await one.until(lambda: one.records)
            await one.source._consumer.pause([TopicPartition("t", 0)])  # noqa: SLF001  the fault
            one.speed = 20.0
            produce(kafka, "t", *[b"w"] * 7)
            await one.until(lambda: one.says("t[0] delivers nothing although its log grows"))
            (gauges,) = one.source.partitions()
            assert gauges.lag_records == 7
            assert (gauges.standing_seconds or 0) >= 30
            await one.source._consumer.resume([TopicPartition("t", 0)])  # noqa: SLF001  its end
            await one.until(one.is_well)


async def test_an_idle_partition_does_not_stand_still() -> None:
    with EmbeddedKafka({"t": 2}) as kafka:
        async with member(kafka, "t") as one:
            await one.until(lambda: one.has(Partition("t", 0), Partition("t", 1)))
            one.speed = 20.0
            began = time.monotonic()
            await one.until(lambda: time.monotonic() > began + 4)
            assert one.is_well()


async def test_a_broker_may_keep_fetches_for_as_long_as_it_was_told_to() -> None:
    with EmbeddedKafka({"t": 1}) as kafka:
        async with member(kafka, "t", client={"fetch.wait.max.ms": 30_000}) as one:
            await one.until(lambda: one.has(Partition("t", 0)))
            one.speed = 4.0
            began = time.monotonic()
            await one.until(lambda: time.monotonic() > began + 6)
            assert one.is_well()


@pytest.mark.parametrize("client", [{}, KIP_848], ids=["classic", "KIP-848"])
async def test_the_share_is_worked_out_anew_when_a_topic_appears(client: dict[str, str | int]) -> None:
    """Also where our own partitions stay the same."""
    with EmbeddedKafka({"t": 1}) as kafka:
        async with member(kafka, "^t.*", client=client) as one:
            await one.until(lambda: one.has(Partition("t", 0)))
            await one.until(lambda: one.source._watch.questions.answer)  # noqa: SLF001  it knows them
            one.speed = 10.0
            before = one.assignments.recounts
            kafka.create_topic("t2", 2)
            await one.until(lambda: one.assignments.recounts > before)
            assert await one.source.partitions_total() == 3


async def test_retention_that_overtakes_the_group_is_counted_and_told_once() -> None:
    """The embedded Kafka keeps 5 MiB a partition."""
    with EmbeddedKafka({"t": 1}) as kafka:
        produce(kafka, "t", *[b"v"] * 10)
        commit(kafka, "t", 0, 3)
        # Each batch makes room for itself.
        for _ in range(12):
            produce(kafka, "t", *[b"x" * 900_000] * 1)
        with capture_logs() as lines:
            async with member(kafka, "t") as one:
                await one.until(lambda: one.source.status().records_lost)
                first = one.records[0].offset
                assert first > 3
                assert one.source.status().records_lost == first - 3
                assert [each.lost_records for each in one.source.partitions()] == [first - 3]
        (line,) = (line for line in lines if line["event"] == "kafka.records_lost")
        assert (line["topic"], line["partition"], line["records"]) == ("t", 0, first - 3)
        async with member(kafka, "t") as again:
            produce(kafka, "t", b"w")
            await again.until(lambda: b"w" in again.values())
            began = time.monotonic()
            await again.until(lambda: time.monotonic() > began + 1)
            assert again.source.status().records_lost == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=sample(40, 200))
@given(st.text() | st.from_regex(r'\{"(topics|brokers|cgrp)": \{.*\}\}'))
def test_no_statistics_end_the_source(text: str) -> None:
    section = KafkaSettings(bootstrap_servers="127.0.0.1:1", topics=("t",))
    source = KafkaSource(
        client_settings(section, for_="consumer"),
        ["t"],
        commit_seconds=1,
        clock=time.monotonic,
    )
    with capture_logs() as lines:
        for _ in range(3):
            asyncio.run(source._measured(text))  # noqa: SLF001  librdkafka's callback
    assert sum(line["event"] == "kafka.statistics_unreadable" for line in lines) <= 1
