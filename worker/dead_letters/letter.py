"""Builds the headers of a dead letter: those of its record, then the worker's own.

A record that was a dead letter before (it was replayed) keeps its original position, so its events keep their
ids. Its tries add up, and each of the worker's headers occurs once. The letter of an element has the whole
record, and one header more that says which element it is.

If the client can't read or write the record's own headers, the letter is written without them, and one header
says so.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from worker.core.mapping.event_ids import origin, replayed_element
from worker.core.model import dead_letter_headers as names
from worker.core.model.reason_texts import naming_element
from worker.core.model.records import Element

if TYPE_CHECKING:
    from worker.core.model.records import Headers, Reason, Record

# In librdkafka's form; all values are bytes or None.
LetterHeaders: TypeAlias = list[tuple[str, str | bytes | None]]

OWN_NAMES: Final = frozenset(
    {
        names.ORIGINAL_TOPIC,
        names.ORIGINAL_PARTITION,
        names.ORIGINAL_OFFSET,
        names.ORIGINAL_TIMESTAMP,
        names.ELEMENT,
        names.ERROR_CLASS,
        names.REASON,
        names.TRIES,
        names.FAILED_AT,
        names.WORKER_VERSION,
        names.REPLAYS,
        names.HEADERS,
    }
)
_WHY_MISSING: Final = {names.UNREADABLE, names.UNWRITABLE}
# A header with more digits than a count can have did not come from the worker.
_MAX_COUNT_DIGITS: Final = 9


def letter_headers(
    record: Record, reason: Reason, tries: int, *, failed_at_seconds: float, version: str
) -> LetterHeaders:
    """Return the headers of the dead letter of a record or an element.

    ``failed_at_seconds`` counts from the epoch.
    """
    first = origin(record)
    timestamp = "" if first.timestamp_ms is None else str(first.timestamp_ms)
    failed_at = datetime.fromtimestamp(failed_at_seconds, UTC).isoformat(timespec="milliseconds")
    replays, element = count_in(record, names.REPLAYS), element_of(record)
    theirs, missing = _theirs(record.headers) if record.headers else ([], None)
    return [
        *theirs,
        (names.ORIGINAL_TOPIC, first.topic.encode()),
        (names.ORIGINAL_PARTITION, b"%d" % first.partition),
        (names.ORIGINAL_OFFSET, b"%d" % first.offset),
        (names.ORIGINAL_TIMESTAMP, timestamp.encode()),
        *(() if element is None else [(names.ELEMENT, b"%d" % element)]),
        (names.ERROR_CLASS, reason.kind.encode()),
        # The API's message may contain half a surrogate pair, which is not UTF-8.
        (names.REASON, naming_element(reason.text, element).encode(errors="backslashreplace")),
        (names.TRIES, b"%d" % (tries + count_in(record, names.TRIES))),
        (names.FAILED_AT, failed_at.encode()),
        (names.WORKER_VERSION, version.encode()),
        *([(names.REPLAYS, b"%d" % replays)] if replays else ()),
        *([(names.HEADERS, missing)] if missing else ()),
    ]


def without_theirs(headers: LetterHeaders) -> LetterHeaders:
    """Return the letter's headers without those of its record."""
    ours = [each for each in headers if each[0] in OWN_NAMES and each[0] != names.HEADERS]
    return [*ours, (names.HEADERS, names.UNWRITABLE)]


def element_of(record: Record) -> int | None:
    """Return which element of its record this is, also that of a replayed letter; None: the whole record."""
    return record.index if isinstance(record, Element) else replayed_element(record)


def count_in(record: Record, name: str) -> int:
    """Return the count that an earlier dead letter, or a replay, wrote to this header; 0 without one."""
    for each, value in record.headers:
        if each == name and value and value.isdigit() and len(value) <= _MAX_COUNT_DIGITS:
            return int(value)
    return 0


def _theirs(headers: Headers) -> tuple[LetterHeaders, bytes | None]:
    """Return the record's own headers, and why they are missing if they are."""
    theirs: LetterHeaders = [each for each in headers if each[0] not in OWN_NAMES]
    if not all(_is_writable(name) for name, _ in theirs):
        return [], names.UNWRITABLE
    marked = (value for name, value in headers if name == names.HEADERS and value in _WHY_MISSING)
    return theirs, next(marked, None)


def _is_writable(name: str) -> bool:
    """Return whether the client can write the name: a NUL truncates it, a lone surrogate crashes us."""
    try:
        return b"\0" not in name.encode()
    except UnicodeEncodeError:
        return False
