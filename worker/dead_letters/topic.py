"""Checks the dead-letter topic at start: it exists, or is created, or the worker says how to create it.

An unreachable broker does not mean a missing topic: the worker waits for the broker, but somebody has to fix
the topic. A compacted topic has to be fixed too: it keeps only the last letter of each key, and rejects
letters without a key.
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

from worker.core.model.missing_place import MissingPlace
from worker.core.topics import is_pattern, matches_topic
from worker.dead_letters.unwritable import said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka.admin import ClusterMetadata, TopicMetadata  # type: ignore[attr-defined]  # as above

ANSWER_SECONDS: Final = 10.0
# A shorter wait for information that is only useful, not necessary.
HINT_SECONDS: Final = 2.0
# The worker's headers are added to a record that may be as large as its own topic allows.
HEADROOM_BYTES: Final = 64 * 1024
_MAX_MESSAGE_BYTES: Final = "max.message.bytes"
# Kafka stores the limit as a 32-bit int.
_LARGEST_LIMIT_BYTES: Final = 2**31 - 1
_MOST_DIGITS: Final = 10
_CLEANUP_POLICY: Final = "cleanup.policy"
_COMPACT: Final = "compact"

# The broker decides, by its num.partitions and its default.replication.factor.
_BROKERS_CHOICE: Final = -1

_MISSING: Final = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  librdkafka's own codes are named so
}


class DeadLetterTopicUnusable(MissingPlace):
    """Letters would be lost in the topic.

    Args:
        reason: the problem; ``str()`` adds the command to it.
        command: the command that fixes it.
    """

    def __init__(self, reason: str, command: str) -> None:
        super().__init__(f"{reason} with:\n  {command}", command)


class DeadLetterTopicMissing(DeadLetterTopicUnusable):
    """There is no dead-letter topic.

    Args:
        topic: its name.
        command: the command that creates it.
        why: why the worker could not create it; empty if it was not allowed to.
    """

    def __init__(self, topic: str, command: str, why: str = "") -> None:
        reason = f"could not be made ({why})" if why else "dead_letters.create_topic is off"
        # Kafka does not distinguish the two.
        state = "is not there, or the worker may not see it (ACL Describe)"
        super().__init__(f"the dead-letter topic {topic} {state}, and {reason}; make it", command)


class DeadLetterTopicCompacted(DeadLetterTopicUnusable):
    """The topic exists, and Kafka would delete letters in favour of later ones with the same key.

    Args:
        topic: its name.
        policy: its ``cleanup.policy``.
        command: the command that ends its compaction.
    """

    def __init__(self, topic: str, policy: str, command: str) -> None:
        super().__init__(
            f"the dead-letter topic {topic} has cleanup.policy={policy}: it keeps only the last of the "
            "letters with the same key, and rejects letters without a key; change it",
            command,
        )


class KafkaAway(Exception):  # noqa: N818  it names the state
    """Kafka did not say whether the topic is there; ask again later."""


class TopicShape(Struct, frozen=True):
    """The layout of a topic; None: not known, or left to the broker."""

    partitions: int | None = None
    replication_factor: int | None = None
    max_message_bytes: int | None = None


async def ensure_topic(
    settings: Mapping[str, object], topic: str, *, source_topics: Sequence[str], create: bool
) -> bool:
    """Return when the dead-letter topic exists; True if it was created, modelled on the first source topic.

    Raises:
        DeadLetterTopicMissing: it does not exist, and must not or can't be created.
        DeadLetterTopicCompacted: it exists, and it is known to lose letters.
        KafkaAway: Kafka gave no answer, or did not permit one.
    """
    return await asyncio.to_thread(_ensure, settings, topic, source_topics, create=create)


def create_command(settings: Mapping[str, object], topic: str, shape: TopicShape) -> str:
    """Return the command line that creates such a topic, ready to copy."""
    words = [*_command("kafka-topics.sh", settings), "--create", "--topic", topic]
    if shape.partitions is not None:
        words += ["--partitions", str(shape.partitions)]
    if shape.replication_factor is not None:
        words += ["--replication-factor", str(shape.replication_factor)]
    for name, value in _config(shape).items():
        words += ["--config", f"{name}={value}"]
    return shlex.join(words)


def delete_command(settings: Mapping[str, object], topic: str) -> str:
    """Return the command line that ends the topic's compaction, ready to copy."""
    change = ["--alter", "--topic", topic, "--add-config", f"{_CLEANUP_POLICY}=delete"]
    return shlex.join([*_command("kafka-configs.sh", settings), *change])


def cleanup_policy(admin: AdminClient, topic: str) -> str | None:
    """Return the topic's ``cleanup.policy``; None if the worker may not see it."""
    return _config_of(admin, topic, _CLEANUP_POLICY)


def loses_letters(policy: str | None) -> bool:
    """Return whether a topic with this ``cleanup.policy`` deletes letters early: if it is compacted."""
    return _COMPACT in {each.strip() for each in (policy or "").split(",")}


def _command(tool: str, settings: Mapping[str, object]) -> list[str]:
    """Return the start of a command for one of Kafka's own tools, with the brokers' addresses."""
    words = [tool, "--bootstrap-server", str(settings["bootstrap.servers"])]
    if str(settings.get("security.protocol", "plaintext")).lower() != "plaintext":
        words += ["--command-config", "client.properties"]
    return words


def _ensure(
    settings: Mapping[str, object], topic: str, source_topics: Sequence[str], *, create: bool
) -> bool:
    # Kept in a variable, because an AdminClient that is garbage-collected fails its futures.
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
        # Another pod was faster.
        if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        if _is_local(error):
            raise _away(error) from refusal
        raise DeadLetterTopicMissing(topic, command, why=said(error)) from refusal


def _config(shape: TopicShape) -> dict[str, str]:
    # Compaction would keep one letter per key, and reject letters without a key.
    config = {_CLEANUP_POLICY: "delete"}
    if shape.max_message_bytes is not None:
        limit_bytes = min(shape.max_message_bytes + HEADROOM_BYTES, _LARGEST_LIMIT_BYTES)
        config[_MAX_MESSAGE_BYTES] = str(limit_bytes)
    return config


def _describe(admin: AdminClient, topic: str) -> TopicShape | None:
    """Return the topic's shape from the metadata of all topics; a request for it alone might create it."""
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
        # The client assumes that all names are UTF-8.
        raise KafkaAway("what Kafka says of its topics can't be read") from fault  # noqa: EM101, TRY003  once


def _source_shape(admin: AdminClient, source_topics: Sequence[str], *, but_not: str) -> TopicShape:
    """Return the shape of the first source topic that exists; an unknown shape if there is none yet."""
    for wanted in source_topics:
        names = _matching(admin, wanted) if is_pattern(wanted) else [wanted]
        for name in names:
            shape = _describe(admin, name) if name != but_not else None
            if shape is not None:
                return structs.replace(shape, max_message_bytes=_max_message_bytes(admin, name))
    return TopicShape()


def _matching(admin: AdminClient, pattern: str) -> list[str]:
    """Return the names of the matching topics, in order."""
    return sorted(name for name in _topics(admin) if matches_topic(pattern, name))


def _max_message_bytes(admin: AdminClient, topic: str) -> int | None:
    """Return the topic's limit; None if the worker may not see it, or it is not a number."""
    limit_bytes = _config_of(admin, topic, _MAX_MESSAGE_BYTES) or ""
    is_number = limit_bytes.isascii() and limit_bytes.isdigit() and len(limit_bytes) <= _MOST_DIGITS
    return int(limit_bytes) if is_number else None


def _config_of(admin: AdminClient, topic: str, name: str) -> str | None:
    """Return a setting of the topic; None if we may not see it, because it is useful, not necessary."""
    cluster = _metadata(admin)
    if cluster.controller_id not in cluster.brokers:
        return None  # The controller answers this request, so the call would only time out.
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        config = admin.describe_configs([resource], request_timeout=HINT_SECONDS)[resource].result()
    except (KafkaException, UnicodeDecodeError, SystemError):
        return None
    entry = config.get(name)
    return None if entry is None else entry.value


def _is_local(error: KafkaError) -> bool:
    """Return whether the error is librdkafka's own and not the broker's, so no broker was reached."""
    return bool(error.code() < 0)


def _away(error: KafkaError) -> KafkaAway:
    return KafkaAway(
        f"Kafka does not say whether the dead-letter topic is there: {said(error)} ({error.name()})"
    )


def _error_of(exception: KafkaException) -> KafkaError:
    error: KafkaError = exception.args[0]
    return error
