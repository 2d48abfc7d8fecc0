"""The id of an event whose record brings none: made of where the record stands, so the same in every run.

``TOPIC-PARTITION-OFFSET-TIMESTAMP``, the topic as a short digest: an id seen in Personalize leads back to its
record. The timestamp tells a recreated topic, whose offsets count from 0 again, from the one before. A
replayed dead letter has the id of the record that it was, which its headers tell. An event that is not its
record's first will need its index appended; the first keeps the bare form.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core import dead_letter_headers as headers

if TYPE_CHECKING:
    from worker.core.records import Record

# 48 bits: two topics of one dataset group that share them would have to agree in partition, offset and
# millisecond too.
_DIGEST_BYTES: Final = 6
# As many as the largest signed integer of 64 bits has.
_MAX_DIGITS: Final = 19


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
    return Origin(record.lease.topic, record.lease.partition, record.offset, record.timestamp_ms)


def derived_event_id(record: Record) -> str:
    """At most 75 characters, usually under 40."""
    if record.headers:
        at = origin(record)
        return _event_id(at.topic, at.partition, at.offset, at.timestamp_ms)
    return _event_id(record.lease.topic, record.lease.partition, record.offset, record.timestamp_ms)


def _event_id(topic: str, partition: int, offset: int, timestamp_ms: int | None) -> str:
    return f"{_digest(topic)}-{partition}-{offset}-{'' if timestamp_ms is None else timestamp_ms}"


def replayed_origin(record: Record) -> Origin | None:
    """The place that its dead-letter headers name; None: it is no dead letter of the worker."""
    # The first of each name: what a second death may have added names the replay, not the origin.
    named = dict(reversed(record.headers))
    topic = named.get(headers.ORIGINAL_TOPIC)
    partition = _parse(named.get(headers.ORIGINAL_PARTITION))
    offset = _parse(named.get(headers.ORIGINAL_OFFSET))
    if not topic or partition is None or offset is None:
        return None
    timestamp_ms = _parse(named.get(headers.ORIGINAL_TIMESTAMP))
    return Origin(topic.decode(errors="replace"), partition, offset, timestamp_ms)


def _parse(number: bytes | None) -> int | None:
    """None for what is below 0 too: no place is, and -1 is how Kafka says that there is no timestamp."""
    return int(number) if number and number.isdigit() and len(number) <= _MAX_DIGITS else None


@lru_cache(maxsize=1024)
def _digest(topic: str) -> str:
    return blake2b(topic.encode(), digest_size=_DIGEST_BYTES).hexdigest()
