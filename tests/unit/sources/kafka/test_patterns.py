"""What is subscribed to, what the share of the quota counts and what ``check`` shows is one and the same."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from worker.core.offsets.tracker import OffsetTracker
from worker.core.topics import takes_in
from worker.local.kafka import EmbeddedKafka
from worker.settings import KafkaSettings
from worker.sources.kafka.client_settings import client_settings
from worker.sources.kafka.source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.core.offsets.assignment import Assignment

pytestmark = pytest.mark.slow

NAMES = (
    "clicks",
    "views",
    "shop.clicks",
    "shop.views",
    "shop.views.dead-letters",
    "shop-events",
    "w.w-events",
    "_schemas",
    "__consumer_offsets",
    "__transaction_state",
)


class LeasesTwin:
    """Opens what it is told to."""

    def __init__(self) -> None:
        self.tracker = OffsetTracker()

    def assigned(self, partitions: Sequence[tuple[str, int]]) -> Sequence[Assignment]:
        return [self.tracker.open(*each) for each in partitions]

    async def revoked(self, partitions: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
        for each in partitions:
            self.tracker.end(*each)
        return {}

    def cut(self, partition: tuple[str, int], offset: int) -> Assignment:
        return self.tracker.cut(*partition, offset)

    def lost(self, partitions: Sequence[tuple[str, int]]) -> None:
        for each in partitions:
            self.tracker.end(*each)


async def subscribed(kafka: EmbeddedKafka, topics: Sequence[str]) -> tuple[set[str], int | None]:
    """The topics that come to be ours, and how many partitions the share of the quota counts."""
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topics=tuple(topics))
    source = KafkaSource(
        client_settings(settings, for_="consumer"),
        topics,
        commit_seconds=5,
        on_committed=lambda _: None,
        clock=time.monotonic,
    )
    assignments = LeasesTwin()
    await source.open(assignments)
    try:
        async with asyncio.timeout(20):
            while not source.partitions():
                await source.receive(10)
        return {each.topic for each in source.partitions()}, await source.partitions_total()
    finally:
        await source.close()


@pytest.mark.parametrize(
    "topics",
    [
        ["^.*"],
        ["^[a-z_]+$"],
        ["^.+_offsets$", "clicks"],
        ["^clicks$|^.*[.]views$"],
        [r"^shop\.(clicks|views)$"],
        [r"^[.a-z-]+-events$", "^views"],
        ["^shop"],
        # Named in full, and beside a pattern.
        ["__consumer_offsets", "^views$"],
        # Twice, and twice the same in other words.
        ["views", "views", "^views$", "^(views)$"],
    ],
)
def test_what_librdkafka_subscribes_to_is_what_is_counted(topics: list[str]) -> None:
    """Each of its topics has one partition."""
    with EmbeddedKafka(dict.fromkeys(NAMES, 1)) as kafka:
        ours, counted = asyncio.run(subscribed(kafka, topics))
    assert ours == {name for name in NAMES if any(takes_in(each, name) for each in topics)}
    assert counted == len(ours)
