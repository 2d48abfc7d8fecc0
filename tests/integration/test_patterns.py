"""A pattern takes in the same topics for librdkafka and for the broker of a KIP-848 group, with its RE2J."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer

from tests.support.waiting import until
from worker.core.topics import matches_topic, subscription
from worker.settings import KafkaSettings
from worker.sources.kafka.client_settings import client_settings

if TYPE_CHECKING:
    from tests.support.kafka_topics import KafkaTopics
    from tests.support.site import Names

pytestmark = pytest.mark.kafka

ENDINGS = (".clicks", ".views", ".views.dead-letters", "-events", "_aab", "_b1")
SECONDS = 60.0


@pytest.mark.parametrize("group_protocol", ["classic", "consumer"])
@pytest.mark.parametrize(
    "pattern",
    [
        "^{0}",
        "^{0}[.]v",
        "^{0}[.](clicks|views)$",
        r"^{0}\.clicks$|^{0}-",
        "^{0}_a{{1,2}}b$",
        "^{0}_[^a]",
        "^{0}[._-][a-e]+(vents)?$",
        "^.*[0-9]$",
        "^[^-]*offsets$|^{0}.*[.]views$",
        "^.*",
    ],
)
def test_both_protocols_subscribe_to_what_is_counted(
    kafka: KafkaTopics, names: Names, pattern: str, group_protocol: str
) -> None:
    """Kafka's own topics are there, and are not taken in."""
    for ending in ENDINGS:
        kafka.create_topic(f"{names.topic}{ending}")
    topics = (pattern.format(names.topic),)
    section = KafkaSettings(
        bootstrap_servers=kafka.bootstrap_servers,
        topics=topics,
        group_id=names.group,
        client={"group.protocol": group_protocol},
    )
    consumer = Consumer(client_settings(section, for_="consumer"))
    try:
        consumer.subscribe(subscription(topics))
        there = set(consumer.list_topics(timeout=10).topics)
        expected = {name for name in there if matches_topic(topics[0], name)}
        until(
            lambda: consumer.poll(0.1) or assigned(consumer) == expected, SECONDS, what=f"{sorted(expected)}"
        )
        assert "__consumer_offsets" in consumer.list_topics(timeout=10).topics
        assert not any(name.startswith("__") for name in assigned(consumer))
    finally:
        consumer.close()


def assigned(consumer: Consumer) -> set[str]:
    return {each.topic for each in consumer.assignment()}
