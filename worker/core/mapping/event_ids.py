"""Derives the id of an event whose record has none from the record's position: the same in every run.

The form is ``TOPIC-PARTITION-OFFSET-TIMESTAMP``, with the topic as a short digest, so an id seen in
Personalize leads back to its record. The timestamp distinguishes a recreated topic, whose offsets count from
0 again, from the previous one. A replayed dead letter keeps the id of its original record, whose position is
in its headers. A second event from one record would need its index appended; the first keeps the bare form.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.model import dead_letter_headers as headers

if TYPE_CHECKING:
    from worker.core.model.records import Record

# 48 bits: two topics of one dataset group with the same digest would also have to agree in partition, offset
# and millisecond.
_DIGEST_BYTES: Final = 6
# Kafka's types: a partition is an int; offset and timestamp are longs.
_MOST_PARTITION: Final = 2**31 - 1
_MOST: Final = 2**63 - 1
# The number of digits of the largest.
_MAX_DIGITS: Final = 19
# The names that Kafka accepts for a topic.
_TOPIC: Final = re.compile(rb"[A-Za-z0-9._-]{1,249}")


class Origin(Struct, frozen=True, gc=False):
    """The original position of a record."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None


def origin(record: Record) -> Origin:
    """Return the position in the record's dead-letter headers, or else its own."""
    if record.headers:
        replayed = replayed_origin(record)
        if replayed is not None:
            return replayed
    return Origin(*record.assignment.partition, record.offset, record.timestamp_ms)


def derived_event_id(record: Record) -> str:
    """Return the derived id: at most 75 characters, usually under 40."""
    if record.headers:
        at = origin(record)
        return _event_id(at.topic, at.partition, at.offset, at.timestamp_ms)
    topic, partition = record.assignment.partition
    return _event_id(topic, partition, record.offset, record.timestamp_ms)


def _event_id(topic: str, partition: int, offset: int, timestamp_ms: int | None) -> str:
    return f"{_digest(topic)}-{partition}-{offset}-{'' if timestamp_ms is None else timestamp_ms}"


def replayed_origin(record: Record) -> Origin | None:
    """Return the position in the dead-letter headers; None if it is not one of the worker's dead letters.

    Anybody may write such headers, so a position that cannot exist is ignored.
    """
    # The first of each name: headers that a second failure may have added name the replay, not the origin.
    named = dict(reversed(record.headers))
    topic = named.get(headers.ORIGINAL_TOPIC)
    partition = _parse(named.get(headers.ORIGINAL_PARTITION), _MOST_PARTITION)
    offset = _parse(named.get(headers.ORIGINAL_OFFSET), _MOST)
    if topic is None or not _TOPIC.fullmatch(topic) or partition is None or offset is None:
        return None
    # None for -1 too, which Kafka uses for no timestamp.
    timestamp_ms = _parse(named.get(headers.ORIGINAL_TIMESTAMP), _MOST)
    return Origin(topic.decode(), partition, offset, timestamp_ms)


def _parse(digits: bytes | None, most: int) -> int | None:
    if not digits or not digits.isdigit() or len(digits) > _MAX_DIGITS:
        return None
    number = int(digits)
    return number if number <= most else None


@lru_cache(maxsize=1024)
def _digest(topic: str) -> str:
    return blake2b(topic.encode(), digest_size=_DIGEST_BYTES).hexdigest()
