"""The dead-letter topic at start: it is there, or it is made, or the worker says how to make it.

A broker that is away is no missing topic: that one is waited for, this one is somebody's to mend.
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

from worker.core.topics import is_pattern, takes_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka.admin import TopicMetadata  # type: ignore[attr-defined]  # as above

ANSWER_SECONDS: Final = 10.0
# What is only good to know is waited for less long.
HINT_SECONDS: Final = 2.0
# The worker's headers come on top of a record that may be as large as its own topic takes.
HEADROOM_BYTES: Final = 64 * 1024
_MAX_MESSAGE_BYTES: Final = "max.message.bytes"

# The broker decides: its num.partitions, its default.replication.factor.
_BROKERS_CHOICE: Final = -1

_MISSING: Final = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  librdkafka's own codes are named so
}


class DeadLetterTopicMissing(Exception):  # noqa: N818  it names the state
    """There is no dead-letter topic; ``str()`` says what to do, ``command`` makes it."""

    def __init__(self, topic: str, command: str, why: str = "") -> None:
        """Word it: why the worker did not make it itself, and the command."""
        self.command = command
        reason = f"could not be made ({why})" if why else "dead_letters.create_topic is off"
        # Kafka does not tell the one from the other.
        state = "is not there, or not for the worker to see (ACL Describe)"
        super().__init__(f"the dead-letter topic {topic} {state}, and {reason}; make it with:\n  {command}")


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
        KafkaAway: no answer, or none that is allowed to us.
    """
    return await asyncio.to_thread(_ensure, settings, topic, source_topics, create=create)


def create_command(settings: Mapping[str, object], topic: str, shape: TopicShape) -> str:
    """The command line that makes such a topic, ready to be copied."""
    words = ["kafka-topics.sh", "--bootstrap-server", str(settings["bootstrap.servers"])]
    if str(settings.get("security.protocol", "plaintext")).lower() != "plaintext":
        words += ["--command-config", "client.properties"]
    words += ["--create", "--topic", topic]
    if shape.partitions is not None:
        words += ["--partitions", str(shape.partitions)]
    if shape.replication_factor is not None:
        words += ["--replication-factor", str(shape.replication_factor)]
    for name, value in _config(shape).items():
        words += ["--config", f"{name}={value}"]
    return shlex.join(words)


def _ensure(
    settings: Mapping[str, object], topic: str, source_topics: Sequence[str], *, create: bool
) -> bool:
    # Kept in a variable: an AdminClient that is collected fails its futures.
    admin = _admin(settings)
    if _describe(admin, topic) is not None:
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
        raise DeadLetterTopicMissing(topic, command, why=error.str()) from refusal


def _config(shape: TopicShape) -> dict[str, str]:
    # Compaction would keep one letter a key, and refuse those without one.
    config = {"cleanup.policy": "delete"}
    if shape.max_message_bytes is not None:
        config[_MAX_MESSAGE_BYTES] = str(shape.max_message_bytes + HEADROOM_BYTES)
    return config


def _describe(admin: AdminClient, topic: str) -> TopicShape | None:
    """The topic's shape, from the metadata of all topics: asked for alone, a broker might make it."""
    found = _topics(admin).get(topic)
    if found is None or (found.error is not None and found.error.code() in _MISSING):
        return None
    replicas = min((len(each.replicas) for each in found.partitions.values()), default=None)
    return TopicShape(len(found.partitions) or None, replicas)


def _topics(admin: AdminClient) -> dict[str, TopicMetadata]:
    try:
        topics: dict[str, TopicMetadata] = admin.list_topics(timeout=ANSWER_SECONDS).topics
    except KafkaException as refusal:
        raise _away(_error_of(refusal)) from refusal
    return topics


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
    return sorted(name for name in _topics(admin) if takes_in(pattern, name))


def _max_message_bytes(admin: AdminClient, topic: str) -> int | None:
    """The topic's limit; None where we may not see it: it is good to know, no more."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        config = admin.describe_configs([resource], request_timeout=HINT_SECONDS)[resource].result()
    except KafkaException:
        return None
    entry = config.get(_MAX_MESSAGE_BYTES)
    return int(entry.value) if entry is not None and entry.value else None


def _is_local(error: KafkaError) -> bool:
    """Whether librdkafka says it, not the broker: nothing was reached."""
    return bool(error.code() < 0)


def _away(error: KafkaError) -> KafkaAway:
    return KafkaAway(
        f"Kafka does not say whether the dead-letter topic is there: {error.str()} ({error.name()})"
    )


def _error_of(exception: KafkaException) -> KafkaError:
    error: KafkaError = exception.args[0]
    return error
