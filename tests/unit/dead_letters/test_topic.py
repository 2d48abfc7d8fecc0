"""The topic at start, on librdkafka's own broker; making it is tried on a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.dead_letters.topic import (
    DeadLetterTopicMissing,
    KafkaAway,
    TopicShape,
    create_command,
    ensure_topic,
)
from worker.local.kafka import EmbeddedKafka

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVERS = {"bootstrap.servers": "k1:9092,k2:9092"}


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedKafka]:
    # It does not answer the question for a topic's limits.
    monkeypatch.setattr("worker.dead_letters.topic.HINT_SECONDS", 0.1)
    with EmbeddedKafka({"views": 6, "interactions": 3}) as kafka:
        yield kafka


def settings_of(kafka: EmbeddedKafka) -> dict[str, object]:
    return {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0}


def test_the_command_makes_a_topic_like_the_source() -> None:
    assert create_command(SERVERS, "dead", TopicShape(partitions=8, replication_factor=3)) == (
        "kafka-topics.sh --bootstrap-server k1:9092,k2:9092 --create --topic dead "
        "--partitions 8 --replication-factor 3 --config cleanup.policy=delete"
    )


def test_the_command_leaves_room_for_the_worker_headers() -> None:
    command = create_command(SERVERS, "dead", TopicShape(max_message_bytes=1_000_000))
    assert "--config max.message.bytes=1065536" in command


def test_the_command_names_a_client_configuration_where_the_brokers_want_a_login() -> None:
    secured = {**SERVERS, "security.protocol": "SASL_SSL", "sasl.password": "secret"}
    command = create_command(secured, "dead", TopicShape())
    assert "--command-config client.properties" in command
    assert "secret" not in command


async def test_a_topic_that_is_there_is_left_as_it_is(kafka: EmbeddedKafka) -> None:
    assert not await ensure_topic(settings_of(kafka), "views", source_topics=["interactions"], create=True)


@pytest.mark.parametrize(
    ("source_topics", "partitions"),
    [
        (["interactions"], "--partitions 3 "),
        (["absent", "views"], "--partitions 6 "),
        (["^view"], "--partitions 6 "),
    ],
)
async def test_a_missing_topic_is_refused_with_the_command(
    kafka: EmbeddedKafka, source_topics: list[str], partitions: str
) -> None:
    """Laid out like the first source topic that is there, by name or by pattern."""
    with pytest.raises(DeadLetterTopicMissing) as missing:
        await ensure_topic(settings_of(kafka), "dead", source_topics=source_topics, create=False)
    assert partitions in missing.value.command
    assert missing.value.command in str(missing.value)


async def test_without_a_source_topic_the_command_leaves_the_layout_to_the_broker(
    kafka: EmbeddedKafka,
) -> None:
    with pytest.raises(DeadLetterTopicMissing) as missing:
        await ensure_topic(settings_of(kafka), "dead", source_topics=["absent"], create=False)
    assert "--partitions" not in missing.value.command


async def test_a_broker_that_is_away_is_no_missing_topic(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.dead_letters.topic.ANSWER_SECONDS", 0.3)
    kafka.stop_brokers()
    with pytest.raises(KafkaAway):
        await ensure_topic(settings_of(kafka), "dead", source_topics=["views"], create=True)
