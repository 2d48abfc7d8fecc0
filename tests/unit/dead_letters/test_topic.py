"""The topic at start, on librdkafka's own broker; making it is tried on a real one."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from worker.dead_letters.topic import (
    DeadLetterTopicCompacted,
    DeadLetterTopicMissing,
    KafkaAway,
    TopicShape,
    cleanup_policy,
    create_command,
    delete_command,
    ensure_topic,
    loses_letters,
)
from worker.local.kafka import EmbeddedKafka

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

SERVERS = {"bootstrap.servers": "k1:9092,k2:9092"}


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
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


@pytest.mark.parametrize("of_source", [2**31 - 1, 2**31 - 2, 2**31 - 65_536])
def test_the_limit_of_the_topic_is_one_that_kafka_takes(of_source: int) -> None:
    """It is an int to Kafka: what is above makes the whole topic be refused."""
    assert "max.message.bytes=2147483647" in create_command(
        SERVERS, "dead", TopicShape(max_message_bytes=of_source)
    )


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


class AdminTwin:
    """A cluster of one topic, which answers as the test says."""

    def __init__(self, entries: dict[str, Any] | Exception, *, controller: int = 1) -> None:
        self.entries = entries
        self.controller = controller
        self.metadata: Exception | None = None
        self.replicas: list[int] = [1]

    def list_topics(self, timeout: float) -> SimpleNamespace:
        assert timeout > 0
        if self.metadata is not None:
            raise self.metadata
        partition = SimpleNamespace(replicas=self.replicas)
        topic = SimpleNamespace(error=None, partitions={0: partition})
        return SimpleNamespace(
            controller_id=self.controller, brokers={1: None}, topics={"dead": topic, "views": topic}
        )

    def describe_configs(self, resources: list[Any], **_: object) -> dict[Any, Future[dict[str, Any]]]:
        answer: Future[dict[str, Any]] = Future()
        if isinstance(self.entries, Exception):
            answer.set_exception(self.entries)
        else:
            answer.set_result({name: SimpleNamespace(value=value) for name, value in self.entries.items()})
        return {resources[0]: answer}


async def ensure(admin: AdminTwin, monkeypatch: pytest.MonkeyPatch, topic: str = "dead") -> bool:
    monkeypatch.setattr("worker.dead_letters.topic._admin", lambda _: admin)
    return await ensure_topic(SERVERS, topic, source_topics=["views"], create=False)


@pytest.mark.parametrize("policy", ["compact", "compact,delete", "delete, compact"])
async def test_a_compacted_topic_is_refused_with_the_command(
    policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters would be lost there: of each key all but the last."""
    with pytest.raises(DeadLetterTopicCompacted, match=f"cleanup.policy={policy}") as refused:
        await ensure(AdminTwin({"cleanup.policy": policy}), monkeypatch)
    assert refused.value.command == delete_command(SERVERS, "dead")
    assert refused.value.command == (
        "kafka-configs.sh --bootstrap-server k1:9092,k2:9092 --alter --topic dead "
        "--add-config cleanup.policy=delete"
    )


FORBIDDEN = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
UNREADABLE = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


@pytest.mark.parametrize(
    "answer",
    [
        {"cleanup.policy": "delete"},
        {"cleanup.policy": None},
        {"cleanup.policy": ""},
        {},
        FORBIDDEN,
        UNREADABLE,
    ],
)
async def test_a_topic_whose_policy_is_not_known_to_lose_letters_is_taken(
    answer: dict[str, Any] | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not await ensure(AdminTwin(answer), monkeypatch)


@pytest.mark.parametrize("limit", [None, "", "many", "-1", "1e9", "\u0661", "9" * 5000])
@pytest.mark.parametrize("replicas", [[], [1]])
async def test_a_source_topic_of_an_odd_shape_makes_no_odd_command(
    limit: str | None, replicas: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = AdminTwin({"max.message.bytes": limit})
    admin.replicas = replicas
    with pytest.raises(DeadLetterTopicMissing) as missing:
        await ensure(admin, monkeypatch, topic="not there")
    assert "max.message.bytes" not in missing.value.command
    assert "--replication-factor 0" not in missing.value.command


@pytest.mark.parametrize("fault", [UNREADABLE, SystemError("returned a result with an exception set")])
async def test_metadata_that_cannot_be_read_is_asked_for_again(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = AdminTwin({})
    admin.metadata = fault
    with pytest.raises(KafkaAway):
        await ensure(admin, monkeypatch)


def test_a_cluster_without_a_controller_is_not_waited_for() -> None:
    admin: Any = AdminTwin({"cleanup.policy": "compact"}, controller=-1)
    assert cleanup_policy(admin, "dead") is None
    assert not loses_letters(None)
