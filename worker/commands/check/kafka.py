"""Kafka's part of ``check``: broker and login, topics, group, dead letters. Nothing is created."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not in its __all__
    AclOperation,
    AdminClient,
)

from worker.commands.check.finding import Finding, failed, fine
from worker.commands.check.grants import grant
from worker.commands.check.group import group_findings, protocol_finding
from worker.commands.check.sample import sample_findings
from worker.core.topics import matches_topic
from worker.dead_letters.topic import (
    KafkaAway,
    TopicShape,
    cleanup_policy,
    create_command,
    delete_command,
    loses_letters,
)
from worker.sources.kafka.client_settings import client_settings
from worker.sources.kafka.cluster import Cluster
from worker.sources.kafka.security import exposed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from confluent_kafka.admin import (  # type: ignore[attr-defined]  # as above
        ClusterMetadata,
        TopicMetadata,
    )

    from worker.settings import Settings

    Allowed: TypeAlias = Mapping[str, Sequence[AclOperation]]


def kafka_findings(
    settings: Settings, patience_seconds: float, sample: int | None = None
) -> Iterator[Finding]:
    """Check what works with Kafka; each question may take ``patience_seconds``.

    With a ``sample``, that many of the newest records of each topic are read and mapped.
    """
    kafka = settings.kafka
    if reason := exposed(kafka):
        yield Finding("warn", f"kafka {kafka.bootstrap_servers}", reason)
    # The variable keeps the client alive.
    asked = Cluster(kafka)
    cluster = asked.ask(patience_seconds)
    if isinstance(cluster, str):
        yield failed(f"kafka {kafka.bootstrap_servers}", cluster)
        return
    admin = asked.admin
    yield fine(f"kafka {kafka.bootstrap_servers}", f"answers (brokers: {len(cluster.brokers)})")
    names = [name for name in cluster.topics if _wanted(name, settings)]
    allowed = _allowed(admin, names, patience_seconds)
    for topic in kafka.topics:
        yield _topic(topic, cluster, allowed, settings)
    sources = {name: list(each.partitions) for name, each in _sources(settings, cluster).items()}
    partitions = [TopicPartition(name, number) for name, numbers in sources.items() for number in numbers]
    if protocol := protocol_finding(kafka, admin, cluster, patience_seconds):
        yield protocol
    yield from group_findings(kafka, partitions, patience_seconds)
    yield _dead_letters(admin, settings, cluster, allowed)
    if sample is not None and sources:
        yield from sample_findings(admin, settings, sources, sample, patience_seconds)


def _wanted(name: str, settings: Settings) -> bool:
    return name == settings.dead_letters.topic or any(
        matches_topic(topic, name) for topic in settings.kafka.topics
    )


def _allowed(admin: AdminClient, names: list[str], patience_seconds: float) -> Allowed:
    """Return what this user may do with each topic; a topic is left out if the broker doesn't say."""
    if not names:
        return {}
    answers = admin.describe_topics(
        TopicCollection(names), include_authorized_operations=True, request_timeout=patience_seconds
    )
    allowed = {}
    for name, answer in answers.items():
        # A broker that doesn't say what is allowed is no failure: it will show when the worker runs.
        with suppress(KafkaException):
            allowed[name] = tuple(answer.result().authorized_operations or ())
    return allowed


def _topic(topic: str, cluster: ClusterMetadata, allowed: Allowed, settings: Settings) -> Finding:
    what = f"kafka topic {topic}"
    found = {name: each for name, each in cluster.topics.items() if matches_topic(topic, name)}
    if not found and topic.startswith("^"):
        todo = f"fix the pattern, create the topic or {grant(settings.kafka, 'see_topic')}"
        return failed(what, f"matches no topic that this user may see: {todo}")
    if not found:
        command = _command(settings, topic, TopicShape(8, min(3, len(cluster.brokers))))
        return failed(
            what,
            f"is not there, or this user may not see it: {grant(settings.kafka, 'see_topic')}, or create it: "
            f"{command}",
        )
    for name, each in found.items():
        if why := _unreadable(each, allowed.get(name, ()), settings):
            return failed(what, f"{name}: {why}")
    partitions = sum(len(each.partitions) for each in found.values())
    topics = f"{len(found)} topics, " if topic.startswith("^") else ""
    return fine(what, f"{topics}{partitions} partitions")


def _unreadable(topic: TopicMetadata, allowed: Sequence[AclOperation], settings: Settings) -> str | None:
    """Say why an existing topic can't be read, and what to do; None if it can."""
    if topic.error is not None:
        return f"{topic.error.str()}: check its brokers"
    if allowed and AclOperation.READ not in allowed:
        return f"this user may not read it: {grant(settings.kafka, 'read_topic')}"
    leaderless = [number for number, partition in topic.partitions.items() if partition.leader < 0]
    return f"partition {leaderless[0]} has no leader: check its brokers" if leaderless else None


def _dead_letters(
    admin: AdminClient, settings: Settings, cluster: ClusterMetadata, allowed: Allowed
) -> Finding:
    name = settings.dead_letters.topic
    what = f"kafka dead letters {name}"
    operations = allowed.get(name, ())
    if found := cluster.topics.get(name):
        if operations and AclOperation.WRITE not in operations:
            return failed(what, f"this user may not write to it: {grant(settings.kafka, 'write_topic')}")
        return _letters_kept(admin, settings, f"{len(found.partitions)} partitions")
    shape = _like_the_source(settings, cluster)
    if settings.dead_letters.create_topic:
        will = f"{shape.partitions} partitions, {shape.replication_factor} replicas"
        return fine(what, f"is not there; will be created with {will}")
    command = _command(settings, name, shape)
    return failed(what, f"is not there: set dead_letters.create_topic, or create it: {command}")


def _letters_kept(admin: AdminClient, settings: Settings, partitions: str) -> Finding:
    """Check whether an existing topic keeps what is written to it."""
    name = settings.dead_letters.topic
    what = f"kafka dead letters {name}"
    policy = None
    with suppress(KafkaAway):
        policy = cleanup_policy(admin, name)
    if policy is None:
        # Not being allowed to see it is no obstacle: the worker assumes that it is right, too.
        return fine(what, f"{partitions}; cleanup.policy not known: make sure that it is delete")
    if loses_letters(policy):
        command = delete_command(client_settings(settings.kafka, for_="admin"), name)
        return failed(
            what,
            f"cleanup.policy={policy} keeps one letter per key, and rejects letters without one: {command}",
        )
    return fine(what, f"{partitions}, cleanup.policy={policy}")


def _like_the_source(settings: Settings, cluster: ClusterMetadata) -> TopicShape:
    """Return partitions and replicas of the first source topic that exists."""
    for source in _sources(settings, cluster).values():
        return TopicShape(len(source.partitions), len(next(iter(source.partitions.values())).replicas))
    return TopicShape(1, min(3, len(cluster.brokers)))


def _sources(settings: Settings, cluster: ClusterMetadata) -> dict[str, TopicMetadata]:
    """Return the existing topics to read, in the order of the configuration."""
    return {
        name: each
        for topic in settings.kafka.topics
        for name, each in cluster.topics.items()
        if matches_topic(topic, name) and each.partitions
    }


def _command(settings: Settings, topic: str, shape: TopicShape) -> str:
    return create_command(client_settings(settings.kafka, for_="admin"), topic, shape)
