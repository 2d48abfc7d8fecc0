"""The consumer group's part of ``check``: its protocol, where it starts, whether members have unique ids."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not in its __all__
    AdminClient,
    ConfigResource,
    ResourceType,
)

from worker.commands.check.finding import Finding, failed, fine
from worker.commands.check.grants import grant
from worker.sources.kafka.client_settings import SILENT_LOG, client_settings, start_of
from worker.sources.kafka.setting_values import HOSTNAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import ClusterMetadata  # type: ignore[attr-defined]  # as above

    from worker.settings import KafkaSettings

# The answers of a broker that has just started; librdkafka itself waits out the others of this kind.
_COORDINATOR_MOVES: Final = {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE}
_PAUSE_SECONDS: Final = 0.2

_RESET: Final = "auto.offset.reset"
_INSTANCE_ID: Final = "group.instance.id"
_BEGINS: Final = {
    "earliest": "starts at the earliest record",
    "latest": "starts with the records that arrive from then on",
}
# A setting of brokers that know the protocol of KIP-848, and which of the protocols they speak.
_PROTOCOLS: Final = "group.coordinator.rebalance.protocols"
_NEEDS: Final = "group.protocol: consumer needs brokers of Apache Kafka 4.0 or newer"
_OTHER: Final = {"earliest": "latest", "latest": "earliest"}


def group_findings(
    kafka: KafkaSettings, partitions: list[TopicPartition], patience_seconds: float
) -> Iterator[Finding]:
    """Check that the group's offsets may be read, where it starts, and that its members have unique ids."""
    yield _offsets(kafka, partitions, patience_seconds)
    instance = str(kafka.client.get(_INSTANCE_ID, ""))
    if instance and HOSTNAME not in instance and socket.gethostname() not in instance:
        todo = f"put {HOSTNAME} in it, for the pod's name, unless there will only ever be one pod"
        yield Finding(
            "warn", f"kafka {_INSTANCE_ID}", f"all pods have the same one, and would fence each other: {todo}"
        )


def protocol_finding(
    kafka: KafkaSettings, admin: AdminClient, cluster: ClusterMetadata, patience_seconds: float
) -> Finding | None:
    """Check that the brokers speak the group protocol that is asked for; None if it is the classic one.

    Otherwise librdkafka waits for ever to become a member, and says nothing.
    """
    if str(kafka.client.get("group.protocol", "classic")).lower() != "consumer" or not cluster.brokers:
        return None
    what = "kafka group.protocol"
    broker = ConfigResource(ResourceType.BROKER, str(next(iter(cluster.brokers))))
    try:
        settings = admin.describe_configs([broker], request_timeout=patience_seconds)[broker].result()
    except KafkaException:
        return Finding("warn", what, f"could not be checked, as this user may not ask the brokers: {_NEEDS}")
    if _PROTOCOLS not in settings:
        return failed(what, f"these brokers know only the classic one: {_NEEDS}; leave it out")
    spoken = str(settings[_PROTOCOLS].value)
    if "consumer" not in spoken.lower().split(","):
        return failed(what, f"the brokers' {_PROTOCOLS} is {spoken}: {_NEEDS}; leave it out")
    return fine(what, "the brokers speak it")


def _offsets(kafka: KafkaSettings, partitions: list[TopicPartition], patience_seconds: float) -> Finding:
    """Report the group's offsets; asking for a group is enough to make it exist."""
    what = f"kafka group {kafka.group_id}"
    if not partitions:
        return Finding("warn", what, "could not be checked, because there is no topic yet")
    committed = _committed(kafka, partitions, patience_seconds)
    if isinstance(committed, KafkaError):
        forbidden = committed.code() == KafkaError.GROUP_AUTHORIZATION_FAILED
        todo = f"{grant(kafka, 'read_group')}, or set kafka.group_id" if forbidden else "check the brokers"
        return failed(what, f"{committed.str()}: {todo}")
    if committed == len(partitions):
        anew = "to start over, use another kafka.group_id"
        return fine(what, f"continues where it committed, on all {committed} partitions; {anew}")
    before = f"continues where it committed, on {committed} of {len(partitions)} partitions; on the others it"
    return _start(kafka, what, before if committed else "is new;")


def _start(kafka: KafkaSettings, what: str, before: str) -> Finding:
    """Report where it starts on partitions without a committed offset, and how to change that."""
    start = start_of(client_settings(kafka, for_="consumer"))
    by_client = _RESET in kafka.client
    says = f"{_RESET}: {kafka.client[_RESET]} of kafka.client" if by_client else f"kafka.start: {start}"
    in_its_place = f" in place of {_RESET}" if by_client else ""
    if start not in _BEGINS:
        return failed(what, f"{before} starts nowhere, by {says}: set kafka.start{in_its_place}")
    other = _OTHER[start]
    return fine(
        what,
        f"{before} {_BEGINS[start]} ({says}); set kafka.start: {other}{in_its_place}, and it "
        f"{_BEGINS[other]}",
    )


def _committed(
    kafka: KafkaSettings, partitions: list[TopicPartition], patience_seconds: float
) -> int | KafkaError:
    """Count the partitions with a committed offset. No group is joined, because there is no subscription."""
    # Not through the admin client: a NOT_COORDINATOR answer, as from a broker that has just started, crashes
    # the whole process there (confluentinc/librdkafka, issue 5040).
    consumer = Consumer(client_settings(kafka, for_="consumer") | {"logger": SILENT_LOG})
    ends = time.monotonic() + patience_seconds
    try:
        while True:
            answer = _ask(consumer, partitions, patience_seconds)
            if not isinstance(answer, KafkaError) or answer.code() not in _COORDINATOR_MOVES:
                return answer
            if time.monotonic() > ends:
                return answer
            time.sleep(_PAUSE_SECONDS)
    finally:
        consumer.close()


def _ask(consumer: Consumer, partitions: list[TopicPartition], patience_seconds: float) -> int | KafkaError:
    try:
        answers = consumer.committed(partitions, timeout=patience_seconds)
    except KafkaException as error:
        return cast("KafkaError", error.args[0])
    return sum(answer.offset >= 0 for answer in answers)
