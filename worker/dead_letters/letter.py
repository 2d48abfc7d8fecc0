"""What a dead letter bears: the headers of its record, then the worker's own.

A record that was a dead letter before (it was replayed) keeps the place where it stood first, so its events
keep their ids; its tries add up; of each of the worker's headers there is one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from worker.core import dead_letter_headers as names
from worker.core.mapping.event_ids import origin

if TYPE_CHECKING:
    from worker.core.records import Reason, Record

# As librdkafka takes them; all values are bytes or None.
LetterHeaders: TypeAlias = list[tuple[str, str | bytes | None]]

OWN_NAMES: Final = frozenset(
    {
        names.ORIGINAL_TOPIC,
        names.ORIGINAL_PARTITION,
        names.ORIGINAL_OFFSET,
        names.ORIGINAL_TIMESTAMP,
        names.ERROR_CLASS,
        names.REASON,
        names.TRIES,
        names.FAILED_AT,
        names.WORKER_VERSION,
        names.REPLAYS,
    }
)
# More digits than a count can have: a header that was not the worker's.
_MAX_COUNT_DIGITS: Final = 9


def letter_headers(
    record: Record, reason: Reason, tries: int, *, failed_at_seconds: float, version: str
) -> LetterHeaders:
    """The headers of the record's dead letter; ``failed_at_seconds`` counts from the epoch."""
    first = origin(record)
    timestamp = "" if first.timestamp_ms is None else str(first.timestamp_ms)
    failed_at = datetime.fromtimestamp(failed_at_seconds, UTC).isoformat(timespec="milliseconds")
    replays = count_in(record, names.REPLAYS)
    theirs = [each for each in record.headers if each[0] not in OWN_NAMES] if record.headers else []
    return [
        *theirs,
        (names.ORIGINAL_TOPIC, first.topic.encode()),
        (names.ORIGINAL_PARTITION, b"%d" % first.partition),
        (names.ORIGINAL_OFFSET, b"%d" % first.offset),
        (names.ORIGINAL_TIMESTAMP, timestamp.encode()),
        (names.ERROR_CLASS, reason.kind.encode()),
        (names.REASON, reason.text.encode()),
        (names.TRIES, b"%d" % (tries + count_in(record, names.TRIES))),
        (names.FAILED_AT, failed_at.encode()),
        (names.WORKER_VERSION, version.encode()),
        *([(names.REPLAYS, b"%d" % replays)] if replays else ()),
    ]


def count_in(record: Record, name: str) -> int:
    """What an earlier death, or a replay, counted in the header of this name; 0 without one."""
    for each, value in record.headers:
        if each == name and value and value.isdigit() and len(value) <= _MAX_COUNT_DIGITS:
            return int(value)
    return 0
