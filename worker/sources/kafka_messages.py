"""From librdkafka's messages to records, and from its statistics to where partitions end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import msgspec

from worker.core.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import Message

    from worker.core.lease import Lease
    from worker.core.records import Headers

_NO_HEADERS: Final[Headers] = ()


class _Partition(msgspec.Struct):
    hi_offset: int = -1


class _Topic(msgspec.Struct):
    partitions: dict[str, _Partition]


class _Statistics(msgspec.Struct):
    """The little of librdkafka's statistics (STATISTICS.md) that is shown."""

    topics: dict[str, _Topic] = {}


_decode_statistics = msgspec.json.Decoder(_Statistics).decode


def key_of(message: Message) -> tuple[str, int]:
    """Topic and partition of a message that is no error."""
    return cast("str", message.topic()), cast("int", message.partition())


def offset_of(message: Message) -> int:
    """The offset of a message that is no error."""
    return cast("int", message.offset())


def record_of(message: Message, lease: Lease, received_at: float) -> Record:
    """The message, byte for byte."""
    kind, timestamp_ms = message.timestamp()
    headers = cast("list[tuple[str, bytes | None]] | None", message.headers())
    return Record(
        lease,
        offset_of(message),
        timestamp_ms if kind else None,
        message.key(),
        message.value(),
        tuple(headers) if headers else _NO_HEADERS,
        received_at,
    )


def ends_of(statistics: str) -> Iterator[tuple[tuple[str, int], int]]:
    """Where each partition ends, as librdkafka knew it at its last fetch; -1 where it does not."""
    for topic, each in _decode_statistics(statistics).topics.items():
        for partition, numbers in each.partitions.items():
            yield (topic, int(partition)), numbers.hi_offset
