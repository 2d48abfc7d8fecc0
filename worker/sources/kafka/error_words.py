"""Classifies librdkafka's errors: the kind of trouble, its subject, and what a person can do about it."""

from __future__ import annotations

import re
from typing import Final

from confluent_kafka import KafkaError

from worker.core.model.partition import Partition

_MISSING: Final = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_EXCEPTION,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  librdkafka's own codes begin with an underscore
}
_LOGIN: Final = {
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError._AUTHENTICATION,  # noqa: SLF001  as above
}
_GROUP: Final = {
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.GROUP_MAX_SIZE_REACHED,
    KafkaError.GROUP_ID_NOT_FOUND,
    KafkaError.GROUP_SUBSCRIBED_TO_TOPIC,
    KafkaError.INCONSISTENT_GROUP_PROTOCOL,
    KafkaError.INVALID_GROUP_ID,
    KafkaError.INVALID_SESSION_TIMEOUT,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.UNRELEASED_INSTANCE_ID,
    KafkaError.UNSUPPORTED_ASSIGNOR,
}
_OF_TOPIC: Final = "Subscribed topic not available"
# librdkafka says it within the text of an error of its own, whose code is another.
_UNRELEASED: Final = KafkaError(KafkaError.UNRELEASED_INSTANCE_ID).str()
# How librdkafka names a broker at the beginning of a message.
_BROKER: Final = re.compile(r"(\S+:\d+/\S+|GroupCoordinator): ")

_SENTENCES: Final = {
    "broker": "{says}",
    "silent_broker": "broker {subject} has not answered",
    "login": "the login was refused: {says}",
    "group": "the group rejects this pod: {says}",
    "no_partitions": "no partitions assigned: {says}",
    "topic_missing": "topic {subject} does not exist",
    "topic_forbidden": "topic {subject} may not be read",
    "offset_reset": "{subject} is not read: its offset is not in the log, and auto.offset.reset is error",
    "fetch": "{subject} can't be read: {says}",
    "commit": "offsets of {subject} can't be committed: {says}",
    "standstill": "{subject} delivers nothing although its log grows",
}
# Each broker words the same cause in its own way: with its address, and the milliseconds that it took.
OF_BROKERS: Final = {"broker": "can't be reached", "login": "refuse the login"}
_SPEAKING: Final = {kind for kind, words in _SENTENCES.items() if "{says}" in words}

_LOGIN_ADVICE: Final = {
    "client": "check sasl.mechanism, sasl.username and sasl.password of kafka.client",
    "aws_msk_iam": (
        "allow kafka-cluster:Connect on the cluster to the worker's role, check kafka.region, and that the "
        "brokers' port is that of IAM (9098)"
    ),
}

ADVICE: Final = {
    "broker": "check the brokers and the network in between; the worker reconnects by itself",
    "silent_broker": "it hangs, or the network drops its answers: check both",
    "login": _LOGIN_ADVICE["client"],
    "group": "allow the worker's user to read the group, and check group.* of kafka.client",
    "instance": "it passes within the group's session timeout if that member has ended; if it lasts, another "
    "pod has the same group.instance.id",
    "no_partitions": "check the other pods of the group",
    "topic_missing": "create it, or remove it from kafka.topics; it is read within seconds once it exists",
    "topic_forbidden": "allow the worker's user to read and describe it",
    "offset_reset": "stop the pods and set the group's offset with kafka-consumer-groups --reset-offsets, "
    "or set auto.offset.reset: earliest, then start them",
    "fetch": "allow the worker's user to read the topic, or check the partition's leader",
    "commit": "what is delivered meanwhile is repeated after a restart: fix what the broker refuses",
    "standstill": "check its leader; if that is healthy, restart this pod, which loses nothing",
}


def login_advice(authentication: str) -> str:
    """Return what to do about a refused login, by ``kafka.authentication``."""
    return _LOGIN_ADVICE[authentication]


def is_unreleased(error: KafkaError) -> bool:
    """Whether the group still has a member under our ``group.instance.id``: one that ended without leaving.

    librdkafka calls that fatal (group.protocol: consumer), though it passes.
    """
    return _UNRELEASED in (error.str() or "")


def kind_of(error: KafkaError, topic: str | None) -> str:
    """Return one of ``TROUBLES``; ``topic`` is the topic that came with the error, if any."""
    code = error.code()
    if code in _LOGIN:
        return "login"
    if code in _GROUP:
        return "group"
    if topic is None:
        return "broker"
    if code == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001  as above
        return "offset_reset"
    of_topic = _OF_TOPIC in (error.str() or "")
    if code in _MISSING and of_topic:
        return "topic_missing"
    return "topic_forbidden" if code == KafkaError.TOPIC_AUTHORIZATION_FAILED and of_topic else "fetch"


def subject_of(kind: str, text: str, topic: str | None, partition: int | None) -> str:
    """Return the subject of an error: a topic, a partition, a broker; empty for all of them."""
    if topic is None:
        named = _BROKER.match(text)
        return named[1] if named and kind in {"broker", "login"} else ""
    return topic if kind.startswith("topic") or partition is None else str(Partition(topic, partition))


def address_of(subject: str) -> str | None:
    """Return host and port of a broker as librdkafka names it; None where it names none.

    ``GroupCoordinator`` is none: it is a role of a broker that has a name besides.
    """
    return subject.rpartition("/")[0].rpartition("//")[2] or None


def is_spoken(kind: str) -> bool:
    """Whether the sentence for this kind contains a message, besides the subject."""
    return kind in _SPEAKING


def of_several(kind: str, brokers: str, says: str) -> str:
    """Return what is wrong with several brokers, with what one of them says."""
    return f"{brokers} {OF_BROKERS[kind]}: {says}"


def sentence(kind: str, subject: str, says: str) -> str:
    """Return what is wrong, as a sentence."""
    return _SENTENCES[kind].format(subject=subject, says=says)
