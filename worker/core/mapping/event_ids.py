"""Derives the id of an event whose record has none from the record's position: the same id in every run.

The form is ``TOPIC-PARTITION-OFFSET-TIMESTAMP``, with a short digest for the topic, so an id seen in
Personalize leads back to its record. The timestamp tells a recreated topic, whose offsets start at 0 again,
from its predecessor. A replayed dead letter gets the id of the original record, whose position its headers
hold. Where a record holds several events, all but the first have their index appended.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.model import dead_letter_headers as headers
from worker.core.model.partition import Partition
from worker.core.model.places import MOST_PLACE
from worker.core.model.records import Element

if TYPE_CHECKING:
    from worker.core.model.records import Record

# 48 bits: for two events to get the same id, two topics would have to share the digest, and the records their
# partition, offset and millisecond.
_DIGEST_BYTES: Final = 6
# Kafka's types: a partition is an int, a timestamp is a long. A position of Kinesis is longer than an offset.
_MOST_PARTITION: Final = 2**31 - 1
_MOST: Final = 2**63 - 1
# What Kafka takes for the name of a topic.
_TOPIC: Final = re.compile(rb"[A-Za-z0-9._-]{1,249}")


class Origin(Struct, frozen=True, gc=False):
    """The original position of a record."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None


def origin(record: Record) -> Origin:
    """The position in the record's dead-letter headers, if it has them, else its own."""
    if record.headers:
        replayed = replayed_origin(record)
        if replayed is not None:
            return replayed
    return Origin(*record.assignment.partition, record.offset, record.timestamp_ms)


def derived_event_id(record: Record) -> str:
    """The id: usually under 40 characters; of a record of Kinesis about 110, and 256 are allowed."""
    if record.headers:
        at = origin(record)
        return _event_id(Partition(at.topic, at.partition), at.offset, at.timestamp_ms)
    return _event_id(record.assignment.partition, record.offset, record.timestamp_ms)


def derived_element_id(record: Record) -> str:
    """The same for one of a record's events: an element, or the dead letter of one."""
    index = record.index if isinstance(record, Element) else replayed_element(record)
    return f"{derived_event_id(record)}-{index}" if index else derived_event_id(record)


def _event_id(partition: Partition, offset: int, timestamp_ms: int | None) -> str:
    return f"{_place(partition)}-{offset}-{'' if timestamp_ms is None else timestamp_ms}"


def replayed_origin(record: Record) -> Origin | None:
    """The position in the dead-letter headers; None if the record is not a dead letter of the worker.

    Anybody can write such headers, so only a position that can exist is accepted.
    """
    # The first header of each name: headers that a second dead letter added name the replay, not the origin.
    named = dict(reversed(record.headers))
    topic = named.get(headers.ORIGINAL_TOPIC)
    partition = _parse(named.get(headers.ORIGINAL_PARTITION), _MOST_PARTITION)
    offset = _parse(named.get(headers.ORIGINAL_OFFSET), MOST_PLACE)
    if topic is None or not _TOPIC.fullmatch(topic) or partition is None or offset is None:
        return None
    # None for -1 too, which Kafka writes for no timestamp.
    timestamp_ms = _parse(named.get(headers.ORIGINAL_TIMESTAMP), _MOST)
    return Origin(topic.decode(), partition, offset, timestamp_ms)


def replayed_element(record: Record) -> int | None:
    """Which of the original record's events a dead letter of the worker stands for; None for all of it."""
    if not record.headers or replayed_origin(record) is None:
        return None
    return _parse(dict(reversed(record.headers)).get(headers.ELEMENT), _MOST_PARTITION)


def _parse(digits: bytes | None, most: int) -> int | None:
    if not digits or not digits.isdigit() or len(digits) > len(str(most)):
        return None
    number = int(digits)
    return number if number <= most else None


@lru_cache(maxsize=1024)
def _place(partition: Partition) -> str:
    topic = blake2b(partition.topic.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{topic}-{partition.number}"
