"""Has Kafka give partitions to other brokers, and back to their preferred leaders.

Said in Kafka's own protocol: the ``elect_leaders`` of confluent-kafka 2.16.1 fails before it sends anything
(``SystemError: more argument specifiers than keyword list entries``), and it has no reassignment at all.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

# https://kafka.apache.org/protocol: ElectLeaders, its last version with plain encoding; the first version of
# AlterPartitionReassignments is compact already.
ELECT_LEADERS, ELECT_VERSION = 43, 1
REASSIGN, REASSIGN_VERSION = 45, 0
PREFERRED: Final = 0
ALL_TOPICS: Final = -1
CLIENT: Final = b"tests"
NO_ERROR: Final = 0
NO_TAGS: Final = b"\0"
# Correlation id, throttle time, error code; the compact one has tags behind the first.
ANSWER, COMPACT_ANSWER = struct.Struct(">iih"), struct.Struct(">ibih")


def elect_preferred_leaders(
    port: int, seconds: float, topic: str | None = None, partitions: Collection[int] = ()
) -> None:
    """Ask the broker at this port of 127.0.0.1; it hands the question on to the controller.

    Of these partitions of a topic, else of all there are.
    """
    which = struct.pack(">i", ALL_TOPICS)
    if topic is not None:
        which = struct.pack(f">ih{len(topic)}si", 1, len(topic), topic.encode(), len(partitions))
        which += struct.pack(f">{len(partitions)}i", *partitions)
    body = struct.pack(">b", PREFERRED) + which + struct.pack(">i", int(seconds * 1000))
    answer = _ask(port, seconds, _head(ELECT_LEADERS, ELECT_VERSION) + body)
    _, _, error = ANSWER.unpack_from(answer)
    if error != NO_ERROR:
        raise RuntimeError(f"ElectLeaders was answered with error {error}")


def reassign_partitions(port: int, seconds: float, topic: str, replicas: Mapping[int, Sequence[int]]) -> None:
    """Have each partition kept by these brokers, the first of them preferred as its leader; as above."""
    partitions = [
        struct.pack(">i", partition) + _array([struct.pack(">i", each) for each in brokers]) + NO_TAGS
        for partition, brokers in replicas.items()
    ]
    of_topic = _length(len(topic)) + topic.encode() + _array(partitions) + NO_TAGS
    body = struct.pack(">i", int(seconds * 1000)) + _array([of_topic]) + NO_TAGS
    answer = _ask(port, seconds, _head(REASSIGN, REASSIGN_VERSION) + NO_TAGS + body)
    _, _, _, error = COMPACT_ANSWER.unpack_from(answer)
    if error != NO_ERROR:
        raise RuntimeError(f"AlterPartitionReassignments was answered with error {error}")


def _head(kind: int, version: int) -> bytes:
    return struct.pack(">hhih", kind, version, 1, len(CLIENT)) + CLIENT


def _array(items: Sequence[bytes]) -> bytes:
    return _length(len(items)) + b"".join(items)


def _length(number: int) -> bytes:
    """A length, compact: one more than it is, and here never above a byte's seven bits."""
    return bytes([number + 1])


def _ask(port: int, seconds: float, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as answers:
            (size,) = struct.unpack(">i", answers.read(4))
            return answers.read(size)
