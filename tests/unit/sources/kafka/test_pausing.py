"""What is paused and what flows while partitions come and go: librdkafka keeps a pause over all of it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Literal

import pytest
from confluent_kafka import Producer

from tests.unit.sources.kafka.test_source import LeasesTwin
from worker.local.kafka import EmbeddedKafka
from worker.settings import KafkaSettings
from worker.sources.kafka.client_settings import client_settings
from worker.sources.kafka.source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

TOPIC, PARTITIONS = "interactions", 2
STRATEGIES = ("cooperative-sticky", "range")


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka({TOPIC: PARTITIONS}) as running:
        yield running


class Pod:
    """A member of the group that notes the values it receives."""

    def __init__(self, kafka: EmbeddedKafka, strategy: str) -> None:
        client: dict[str, str | int | float | bool] = {
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 300,
            "log_level": 0,
            "partition.assignment.strategy": strategy,
        }
        section = KafkaSettings(
            bootstrap_servers=kafka.bootstrap_servers, topics=(TOPIC,), group_id="g", client=client
        )
        self.assignments = LeasesTwin()
        self.values: set[bytes | None] = set()
        self.source = KafkaSource(
            client_settings(section, for_="consumer"),
            [TOPIC],
            commit_seconds=60,
            clock=time.monotonic,
        )

    async def turn(self) -> None:
        self.values |= {each.value for each in await self.source.receive(100)}

    def has(self, count: int) -> bool:
        return len(self.assignments.tracker) == count


async def until(condition: Callable[[], bool], *pods: Pod) -> None:
    # Ten times what it takes when nothing else runs.
    deadline = time.monotonic() + 150
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        await asyncio.gather(*(each.turn() for each in pods))


def produce(kafka: EmbeddedKafka, text: str) -> set[bytes | None]:
    """A record in each partition."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    values = [f"{text}-{partition}".encode() for partition in range(PARTITIONS)]
    for partition, value in enumerate(values):
        producer.produce(TOPIC, value, partition=partition)
    assert producer.flush(10) == 0
    return set(values)


async def shared(kafka: EmbeddedKafka, strategy: str) -> tuple[Pod, Pod]:
    """One had both partitions and paused them, then another came and took one."""
    one, other = Pod(kafka, strategy), Pod(kafka, strategy)
    await one.source.open(one.assignments)
    await until(lambda: one.has(2), one)
    await one.source.pause()
    await one.turn()
    await other.source.open(other.assignments)
    await until(lambda: one.has(1) and other.has(1), one, other)
    return one, other


async def leave(leaving: Pod, *staying: Pod) -> None:
    closing = asyncio.create_task(leaving.source.close())
    try:
        await until(lambda: closing.done() and all(each.has(2) for each in staying), *staying)
    finally:
        # Whoever collects a consumer that is not closed may wait for it for ever.
        await closing


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("resumed", ["while it was away", "after it came back"])
async def test_a_partition_that_was_taken_away_paused_flows_when_it_is_back(
    kafka: EmbeddedKafka, strategy: str, resumed: Literal["while it was away", "after it came back"]
) -> None:
    one, other = await shared(kafka, strategy)
    try:
        if resumed == "while it was away":
            await one.source.resume()
        await leave(other, one)
        if resumed == "after it came back":
            await one.turn()
            await one.source.resume()
        late = produce(kafka, "late")
        await until(lambda: late <= one.values, one)
    finally:
        await one.source.close()


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_partition_that_comes_during_a_pause_does_not_flow(
    kafka: EmbeddedKafka, strategy: str
) -> None:
    one, other = await shared(kafka, strategy)
    try:
        await leave(other, one)
        await one.turn()
        late = produce(kafka, "late")
        for _ in range(15):
            await one.turn()
        assert not one.values & late
        await one.source.resume()
        await until(lambda: late <= one.values, one)
    finally:
        await one.source.close()
