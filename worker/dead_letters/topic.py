"""The dead-letter topic at start: it is there, or it is made, or the worker says how to make it.

A broker that is away is no missing topic: that one is waited for, this one is somebody's to mend. So is a
topic that is compacted: of the letters of one key it keeps only the last, and takes none without a key.
"""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING, Final, cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not in its __all__
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)
from msgspec import Struct, structs

from worker.core.topics import is_pattern, matches_topic
from worker.dead_letters.unwritable import said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka.admin import ClusterMetadata, TopicMetadata  # type: ignore[attr-defined]  # as above

ANSWER_SECONDS: Final = 10.0
# What is only good to know is waited for less long.
HINT_SECONDS: Final = 2.0
# The worker's headers come on top of a record that may be as large as its own topic takes.
HEADROOM_BYTES: Final = 64 * 1024
_MAX_MESSAGE_BYTES: Final = "max.message.bytes"
# It is an int to Kafka.
_LARGEST_LIMIT_BYTES: Final = 2**31 - 1
_MOST_DIGITS: Final = 10
_CLEANUP_POLICY: Final = "cleanup.policy"
_COMPACT: Final = "compact"

# The broker decides: its num.partitions, its default.replication.factor.
_BROKERS_CHOICE: Final = -1

_MISSING: Final = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  librdkafka's own codes are named so
}


class DeadLetterTopicUnusable(Exception):  # noqa: N818  it names the state
    """Letters would be lost there; ``str()`` says what to do, ``command`` does it."""

    def __init__(self, reason: str, command: str) -> None:
        """Word it."""
        self.command = command
        super().__init__(f"{reason} with:\n  {command}")


class DeadLetterTopicMissing(DeadLetterTopicUnusable):
    """There is no dead-letter topic."""

    def __init__(self, topic: str, command: str, why: str = "") -> None:
        """Word it: why the worker did not make it itself, and the command."""
        reason = f"could not be made ({why})" if why else "dead_letters.create_topic is off"
        # Kafka does not tell the one from the other.
        state = "is not there, or not for the worker to see (ACL Describe)"
        super().__init__(f"the dead-letter topic {topic} {state}, and {reason}; make it", command)


class DeadLetterTopicCompacted(DeadLetterTopicUnusable):
    """It is there, and Kafka would delete letters for later ones of their key."""

    def __init__(self, topic: str, policy: str, command: str) -> None:
        """Word it."""
        super().__init__(
            f"the dead-letter topic {topic} has cleanup.policy={policy}: of letters with one key it keeps "
            "only the last, and takes none without a key; change it",
            command,
        )


class KafkaAway(Exception):  # noqa: N818  it names the state
    """Kafka did not say whether the topic is there; ask again later."""


class TopicShape(Struct, frozen=True):
    """How a topic is laid out; None: not known, or the broker's to choose."""

    partitions: int | None = None
    replication_factor: int | None = None
    max_message_bytes: int | None = None


async def ensure_topic(
    settings: Mapping[str, object], topic: str, *, source_topics: Sequence[str], create: bool
) -> bool:
    """Return when the dead-letter topic is there; True when it had to be made, like the first source topic.

    Raises:
        DeadLetterTopicMissing: it is not there, and is not to be made, or can't be.
        DeadLetterTopicCompacted: it is there, and it is known to lose letters.
        KafkaAway: no answer, or none that is allowed to us.
    """
    return await asyncio.to_thread(_ensure, settings, topic, source_topics, create=create)


def create_command(settings: Mapping[str, object], topic: str, shape: TopicShape) -> str:
    """The command line that makes such a topic, ready to be copied."""
    words = [*_command("kafka-topics.sh", settings), "--create", "--topic", topic]
    if shape.partitions is not None:
        words += ["--partitions", str(shape.partitions)]
    if shape.replication_factor is not None:
        words += ["--replication-factor", str(shape.replication_factor)]
    for name, value in _config(shape).items():
        words += ["--config", f"{name}={value}"]
    return shlex.join(words)


def delete_command(settings: Mapping[str, object], topic: str) -> str:
    """The command line that ends the topic's compaction, ready to be copied."""
    change = ["--alter", "--topic", topic, "--add-config", f"{_CLEANUP_POLICY}=delete"]
    return shlex.join([*_command("kafka-configs.sh", settings), *change])


def cleanup_policy(admin: AdminClient, topic: str) -> str | None:
    """The topic's ``cleanup.policy``; None where we may not see it."""
    return _config_of(admin, topic, _CLEANUP_POLICY)


def loses_letters(policy: str | None) -> bool:
    """Whether a topic with this ``cleanup.policy`` deletes letters before their time: if it is compacted."""
    return _COMPACT in {each.strip() for each in (policy or "").split(",")}


def _command(tool: str, settings: Mapping[str, object]) -> list[str]:
    """One of Kafka's own tools, told where the brokers are."""
    words = [tool, "--bootstrap-server", str(settings["bootstrap.servers"])]
    if str(settings.get("security.protocol", "plaintext")).lower() != "plaintext":
        words += ["--command-config", "client.properties"]
    return words


def _ensure(
    settings: Mapping[str, object], topic: str, source_topics: Sequence[str], *, create: bool
) -> bool:
    # Kept in a variable: an AdminClient that is collected fails its futures.
    admin = _admin(settings)
    if _describe(admin, topic) is not None:
        policy = cleanup_policy(admin, topic)
        if policy is not None and loses_letters(policy):
            raise DeadLetterTopicCompacted(topic, policy, delete_command(settings, topic))
        return False
    shape = _source_shape(admin, source_topics, but_not=topic)
    command = create_command(settings, topic, shape)
    if not create:
        raise DeadLetterTopicMissing(topic, command)
    _create(admin, topic, shape, command)
    return True


def _admin(settings: Mapping[str, object]) -> AdminClient:
    return AdminClient(cast("dict[str, str | int | float]", dict(settings)))


def _create(admin: AdminClient, topic: str, shape: TopicShape, command: str) -> None:
    new = NewTopic(
        topic,
        num_partitions=shape.partitions or _BROKERS_CHOICE,
        replication_factor=shape.replication_factor or _BROKERS_CHOICE,
        config=_config(shape),
    )
    try:
        admin.create_topics([new], request_timeout=ANSWER_SECONDS)[topic].result()
    except KafkaException as refusal:
        error = _error_of(refusal)
        # Another pod was quicker.
        if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        if _is_local(error):
            raise _away(error) from refusal
        raise DeadLetterTopicMissing(topic, command, why=said(error)) from refusal


def _config(shape: TopicShape) -> dict[str, str]:
    # Compaction would keep one letter a key, and refuse those without one.
    config = {_CLEANUP_POLICY: "delete"}
    if shape.max_message_bytes is not None:
        limit_bytes = min(shape.max_message_bytes + HEADROOM_BYTES, _LARGEST_LIMIT_BYTES)
        config[_MAX_MESSAGE_BYTES] = str(limit_bytes)
    return config


def _describe(admin: AdminClient, topic: str) -> TopicShape | None:
    """The topic's shape, from the metadata of all topics: asked for alone, a broker might make it."""
    found = _topics(admin).get(topic)
    if found is None or (found.error is not None and found.error.code() in _MISSING):
        return None
    replicas = min((len(each.replicas) for each in found.partitions.values()), default=None)
    return TopicShape(len(found.partitions) or None, replicas or None)


def _topics(admin: AdminClient) -> dict[str, TopicMetadata]:
    topics: dict[str, TopicMetadata] = _metadata(admin).topics
    return topics


def _metadata(admin: AdminClient) -> ClusterMetadata:
    try:
        return admin.list_topics(timeout=ANSWER_SECONDS)
    except KafkaException as refusal:
        raise _away(_error_of(refusal)) from refusal
    except (UnicodeDecodeError, SystemError) as fault:
        # The client takes all names for UTF-8.
        raise KafkaAway("what Kafka says of its topics can't be read") from fault  # noqa: EM101, TRY003  once


def _source_shape(admin: AdminClient, source_topics: Sequence[str], *, but_not: str) -> TopicShape:
    """The first source topic that is there; nothing known when none is yet."""
    for wanted in source_topics:
        names = _matching(admin, wanted) if is_pattern(wanted) else [wanted]
        for name in names:
            shape = _describe(admin, name) if name != but_not else None
            if shape is not None:
                return structs.replace(shape, max_message_bytes=_max_message_bytes(admin, name))
    return TopicShape()


def _matching(admin: AdminClient, pattern: str) -> list[str]:
    """The names of the topics that match, in order."""
    return sorted(name for name in _topics(admin) if matches_topic(pattern, name))


def _max_message_bytes(admin: AdminClient, topic: str) -> int | None:
    """The topic's limit; None where we may not see it, or it is none."""
    limit_bytes = _config_of(admin, topic, _MAX_MESSAGE_BYTES) or ""
    is_number = limit_bytes.isascii() and limit_bytes.isdigit() and len(limit_bytes) <= _MOST_DIGITS
    return int(limit_bytes) if is_number else None


def _config_of(admin: AdminClient, topic: str, name: str) -> str | None:
    """What the topic is configured with; None where we may not see it: it is good to know, no more."""
    cluster = _metadata(admin)
    if cluster.controller_id not in cluster.brokers:
        return None  # It is the one that answers, and would be waited for.
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        config = admin.describe_configs([resource], request_timeout=HINT_SECONDS)[resource].result()
    except (KafkaException, UnicodeDecodeError, SystemError):
        return None
    entry = config.get(name)
    return None if entry is None else entry.value


def _is_local(error: KafkaError) -> bool:
    """Whether librdkafka says it, not the broker: nothing was reached."""
    return bool(error.code() < 0)


def _away(error: KafkaError) -> KafkaAway:
    return KafkaAway(
        f"Kafka does not say whether the dead-letter topic is there: {said(error)} ({error.name()})"
    )


def _error_of(exception: KafkaException) -> KafkaError:
    error: KafkaError = exception.args[0]
    return error
