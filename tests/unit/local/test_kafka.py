"""The embedded Kafka, with real clients: what demo and tests rely on."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import uvloop
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from worker.local.kafka import Api, EmbeddedKafka, KafkaUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

TOPIC, PARTITIONS = "interactions", 4
# The embedded Kafka lets a member that says nothing for this long go, and a rebalance takes a second less.
SESSION_TIMEOUT_MS = 2000


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka({TOPIC: PARTITIONS}) as running:
        yield running


def produce(kafka: EmbeddedKafka, records: int) -> list[KafkaError | None]:
    """Produce records and wait; give what became of each."""
    outcomes: list[KafkaError | None] = []
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "acks": "all", "log_level": 0})
    for number in range(records):
        producer.produce(TOPIC, b"v", key=str(number).encode(), on_delivery=lambda e, _: outcomes.append(e))
    assert producer.flush(10) == 0
    return outcomes


def consumer(kafka: EmbeddedKafka) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": "g",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": SESSION_TIMEOUT_MS,
            "log_level": 0,
        }
    )


def read(member: Consumer, records: int, seconds: float = 10) -> int:
    """Read until so many records are there or the time is over; give how many came."""
    deadline, count = time.monotonic() + seconds, 0
    while count < records and time.monotonic() < deadline:
        count += sum(1 for each in member.consume(records, 0.05) if each.error() is None)
    return count


def committed(kafka: EmbeddedKafka) -> int:
    """The sum of the group's offsets."""
    member = consumer(kafka)
    partitions = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
    offsets = [max(each.offset, 0) for each in member.committed(partitions, timeout=5)]
    member.close()
    return sum(offsets)


def test_a_group_reads_what_was_produced_and_commits_it(kafka: EmbeddedKafka) -> None:
    assert produce(kafka, 500) == [None] * 500
    member = consumer(kafka)
    member.subscribe([TOPIC])
    assert read(member, 500) == 500
    member.commit(asynchronous=False)
    member.close()
    assert committed(kafka) == 500


def test_two_members_share_the_partitions(kafka: EmbeddedKafka) -> None:
    members = [consumer(kafka), consumer(kafka)]
    for member in members:
        member.subscribe([TOPIC])
    deadline = time.monotonic() + 60
    while sorted(len(member.assignment()) for member in members) != [2, 2]:
        assert time.monotonic() < deadline
        for member in members:
            member.consume(1, 0.05)
    for member in members:
        member.close()


KILLED = """
import sys
from confluent_kafka import Consumer
member = Consumer({"bootstrap.servers": sys.argv[1], "group.id": "g", "auto.offset.reset": "earliest",
                   "enable.auto.commit": False, "session.timeout.ms": 2000, "log_level": 0,
                   "partition.assignment.strategy": "cooperative-sticky"})
member.subscribe([sys.argv[2]])
while not (records := member.consume(100, 0.1)):
    pass
member.commit(message=records[0], asynchronous=False)
print(len(records), flush=True)
while True:
    member.consume(100, 0.1)
"""


def test_what_a_killed_process_had_not_committed_goes_to_the_next_one(kafka: EmbeddedKafka) -> None:
    """Another process reads, is killed -9, and after its session timeout its successor has the partitions."""
    produce(kafka, 200)
    arguments = [sys.executable, "-c", KILLED, kafka.bootstrap_servers, TOPIC]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        process.kill()
    already = committed(kafka)
    assert already >= 1
    member = consumer(kafka)
    member.subscribe([TOPIC])
    assert read(member, 200 - already, seconds=20) == 200 - already
    member.close()


def test_the_broker_refuses_as_often_as_told(kafka: EmbeddedKafka) -> None:
    kafka.fail_next(Api.PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
    (first,) = produce(kafka, 1)
    assert first is not None
    assert first.code() == KafkaError.MSG_SIZE_TOO_LARGE
    assert produce(kafka, 1) == [None]


def test_errors_that_are_still_to_come_can_be_forgotten(kafka: EmbeddedKafka) -> None:
    kafka.fail_next(Api.PRODUCE, *[KafkaError.MSG_SIZE_TOO_LARGE] * 9)
    kafka.stop_failing(Api.PRODUCE)
    assert produce(kafka, 1) == [None]


def test_brokers_that_were_away_still_have_the_records(kafka: EmbeddedKafka) -> None:
    produce(kafka, 10)
    kafka.stop_brokers()
    away = consumer(kafka)
    with pytest.raises(KafkaException):
        away.list_topics(timeout=0.5)
    away.close()
    kafka.start_brokers()
    member = consumer(kafka)
    member.subscribe([TOPIC])
    assert read(member, 10) == 10
    member.close()


def test_answers_take_as_long_as_told(kafka: EmbeddedKafka) -> None:
    member = consumer(kafka)
    member.list_topics(timeout=5)
    kafka.set_round_trip_ms(200)
    started = time.monotonic()
    member.list_topics(timeout=5)
    assert time.monotonic() - started >= 0.2
    member.close()


def test_a_topic_that_cannot_be_made_is_told() -> None:
    with pytest.raises(KafkaUnavailable, match="topic 'twice'"), EmbeddedKafka({"twice": 1}) as kafka:
        kafka.create_topic("twice", 1)


# Not there, and there but another library.
@pytest.mark.parametrize("library", ["/nowhere/librdkafka.so", uvloop.loop.__file__])
def test_a_library_without_mock_clusters_is_told(library: str) -> None:
    with pytest.raises(KafkaUnavailable, match="needs a librdkafka"), EmbeddedKafka({}, library=library):
        pass
