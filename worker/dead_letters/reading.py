"""Reads a dead letter back: what its headers say, and the record that a replay makes of it.

Anybody with write access to the topic may write such headers. Whatever they contain, a record either opens as
a letter or is not one; reading never fails.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.mapping.event_ids import Origin, replayed_origin
from worker.core.model import dead_letter_headers as names
from worker.core.model.records import Reason, Record
from worker.dead_letters.letter import OWN_NAMES, count_in, element_of

if TYPE_CHECKING:
    from worker.core.model.records import Headers
    from worker.core.offsets.assignment import Assignment


# 10000-01-01T00:00:00Z: ``datetime`` ends there, and before 1970 there was no Kafka.
_END_SECONDS: Final = 253_402_300_800


class Letter(Struct, frozen=True, gc=False):
    """One dead letter; ``record`` is the record in the dead-letter topic."""

    record: Record
    origin: Origin
    """The original position of its record."""
    element: int | None
    """Which of the record's events it is, from 0; None: it is the whole record."""
    reason: Reason
    """Why it became a dead letter. For a refused event it has the API's message, which may quote values."""
    tries: int
    replays: int
    failed_at_seconds: float | None
    """In seconds since the epoch; None if there is no time."""
    version: str

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset in the dead-letter topic."""
        return self.record.assignment.partition.number, self.record.offset

    @property
    def subject(self) -> tuple[Origin, int | None]:
        """What it is the letter of: two letters of the same are an earlier and a later one."""
        return self.origin, self.element

    @property
    def own_headers(self) -> Headers:
        """The headers of its record."""
        return tuple(each for each in self.record.headers if each[0] not in OWN_NAMES)


def open_letter(record: Record) -> Letter | None:
    """Parse a record of the dead-letter topic; None: the worker did not write it."""
    origin = replayed_origin(record)
    if origin is None:
        return None
    named = dict(record.headers)
    return Letter(
        record,
        origin,
        element_of(record),
        Reason(_text(named.get(names.ERROR_CLASS)) or "unknown", _text(named.get(names.REASON))),
        tries=count_in(record, names.TRIES),
        replays=count_in(record, names.REPLAYS),
        failed_at_seconds=_seconds(_text(named.get(names.FAILED_AT))),
        version=_text(named.get(names.WORKER_VERSION)),
    )


def replayed(letter: Letter, assignment: Assignment, offset: int, received_at: float) -> Record:
    """Return the record to process again: with everything that makes up its event id, and one more replay."""
    record = letter.record
    headers = tuple(each for each in record.headers if each[0] != names.REPLAYS)
    counted = (*headers, (names.REPLAYS, b"%d" % (letter.replays + 1)))
    return Record(assignment, offset, record.timestamp_ms, record.key, record.value, counted, received_at)


def _text(value: bytes | None) -> str:
    """Return the header's text, made safe for a terminal whoever wrote it."""
    text = (value or b"").decode(errors="replace")
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _seconds(iso8601: str) -> float | None:
    try:
        moment = datetime.fromisoformat(iso8601)
    except ValueError:
        return None
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return seconds if 0 <= seconds < _END_SECONDS else None
