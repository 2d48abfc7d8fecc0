"""What is subscribed to, what the share of the quota counts and what ``check`` shows is one and the same."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.listener import ListenerTwin
from worker.core.topics import matches_topic
from worker.local.kafka import EmbeddedKafka
from worker.settings import KafkaSettings
from worker.sources.kafka.client_settings import client_settings
from worker.sources.kafka.source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Sequence


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


async def subscribed(kafka: EmbeddedKafka, topics: Sequence[str]) -> tuple[set[str], int | None]:
    """The topics that come to be ours, and how many partitions the share of the quota counts."""
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topics=tuple(topics))
    source = KafkaSource(
        client_settings(settings, for_="consumer"),
        topics,
        commit_seconds=5,
        clock=time.monotonic,
    )
    assignments = ListenerTwin()
    await source.open(assignments)
    try:
        async with asyncio.timeout(20):
            while not source.partitions():
                await source.receive(10)
        return {each.partition.topic for each in source.partitions()}, await source.partitions_total()
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
    assert ours == {name for name in NAMES if any(matches_topic(each, name) for each in topics)}
    assert counted == len(ours)
