"""The id of an event whose record brings none: made of where the record stands, so the same in every run.

``TOPIC-PARTITION-OFFSET-TIMESTAMP``, the topic as a short digest: an id seen in Personalize leads back to its
record. The timestamp tells a recreated topic, whose offsets count from 0 again, from the one before. A
replayed dead letter has the id of the record that it was, which its headers tell. An event that is not its
record's first will need its index appended; the first keeps the bare form.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.model import dead_letter_headers as headers
from worker.core.model.partition import Partition

if TYPE_CHECKING:
    from worker.core.model.records import Record

# 48 bits: two topics of one dataset group that share them would have to agree in partition, offset and
# millisecond too.
_DIGEST_BYTES: Final = 6
# Kafka's types: a partition is an int, offset and timestamp are longs.
_MOST_PARTITION: Final = 2**31 - 1
_MOST: Final = 2**63 - 1
# As many digits as the largest of them has.
_MAX_DIGITS: Final = 19
# What Kafka takes for the name of a topic.
_TOPIC: Final = re.compile(rb"[A-Za-z0-9._-]{1,249}")


class Origin(Struct, frozen=True, gc=False):
    """Where a record stood first."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None


def origin(record: Record) -> Origin:
    """The place that its dead-letter headers name, else its own."""
    if record.headers:
        replayed = replayed_origin(record)
        if replayed is not None:
            return replayed
    return Origin(*record.assignment.partition, record.offset, record.timestamp_ms)


def derived_event_id(record: Record) -> str:
    """At most 75 characters, usually under 40."""
    if record.headers:
        at = origin(record)
        return _event_id(Partition(at.topic, at.partition), at.offset, at.timestamp_ms)
    return _event_id(record.assignment.partition, record.offset, record.timestamp_ms)


def _event_id(partition: Partition, offset: int, timestamp_ms: int | None) -> str:
    return f"{_place(partition)}-{offset}-{'' if timestamp_ms is None else timestamp_ms}"


def replayed_origin(record: Record) -> Origin | None:
    """The place that its dead-letter headers name; None: it is no dead letter of the worker.

    Anybody may write such headers: what they name is a place that there can be, or none.
    """
    # The first of each name: what a second death may have added names the replay, not the origin.
    named = dict(reversed(record.headers))
    topic = named.get(headers.ORIGINAL_TOPIC)
    partition = _parse(named.get(headers.ORIGINAL_PARTITION), _MOST_PARTITION)
    offset = _parse(named.get(headers.ORIGINAL_OFFSET), _MOST)
    if topic is None or not _TOPIC.fullmatch(topic) or partition is None or offset is None:
        return None
    # None for -1 too, which is how Kafka says that there is none.
    timestamp_ms = _parse(named.get(headers.ORIGINAL_TIMESTAMP), _MOST)
    return Origin(topic.decode(), partition, offset, timestamp_ms)


def _parse(digits: bytes | None, most: int) -> int | None:
    if not digits or not digits.isdigit() or len(digits) > _MAX_DIGITS:
        return None
    number = int(digits)
    return number if number <= most else None


@lru_cache(maxsize=1024)
def _place(partition: Partition) -> str:
    topic = blake2b(partition.topic.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{topic}-{partition.number}"
