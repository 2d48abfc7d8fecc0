"""A dead letter, read back: what its headers say, and the record that it becomes when it is replayed.

Anybody who may write to the topic may write such headers: whatever they hold, a letter is opened or is none.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.mapping.event_ids import Origin, replayed_origin
from worker.core.model import dead_letter_headers as names
from worker.core.model.records import REFUSED, Reason, Record
from worker.dead_letters.letter import OWN_NAMES, count_in

if TYPE_CHECKING:
    from worker.core.model.records import Headers
    from worker.core.offsets.assignment import Assignment


# 10000-01-01T00:00:00Z: beyond it there is no calendar, and before 1970 there was no Kafka.
_END_SECONDS: Final = 253_402_300_800


class Letter(Struct, frozen=True, gc=False):
    """One dead letter; ``record`` is it as the dead-letter topic holds it."""

    record: Record
    origin: Origin
    """Where its record stood first."""
    reason: Reason
    """Why it died. Of a refused event it holds what the API said, which may cite values."""
    tries: int
    replays: int
    failed_at_seconds: float | None
    """Since the epoch; None where no time stands."""
    version: str

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset in the dead-letter topic."""
        return self.record.assignment.partition.number, self.record.offset

    @property
    def own_headers(self) -> Headers:
        """The headers that its record had."""
        return tuple(each for each in self.record.headers if each[0] not in OWN_NAMES)


def open_letter(record: Record) -> Letter | None:
    """What a record of the dead-letter topic says; None: the worker did not write it."""
    origin = replayed_origin(record)
    if origin is None:
        return None
    named = dict(record.headers)
    return Letter(
        record,
        origin,
        Reason(_text(named.get(names.ERROR_CLASS)) or "unknown", _text(named.get(names.REASON))),
        tries=count_in(record, names.TRIES),
        replays=count_in(record, names.REPLAYS),
        failed_at_seconds=_seconds(_text(named.get(names.FAILED_AT))),
        version=_text(named.get(names.WORKER_VERSION)),
    )


def rule_of(reason: Reason) -> str:
    """Its text as far as it can hold no value: the code alone of what the API refused."""
    return reason.text.partition(":")[0] if reason.kind == REFUSED else reason.text


def replayed(letter: Letter, assignment: Assignment, offset: int, received_at: float) -> Record:
    """The record to send on its way again: all that its event's id is made of, and one replay more."""
    record = letter.record
    headers = tuple(each for each in record.headers if each[0] != names.REPLAYS)
    counted = (*headers, (names.REPLAYS, b"%d" % (letter.replays + 1)))
    return Record(assignment, offset, record.timestamp_ms, record.key, record.value, counted, received_at)


def _text(value: bytes | None) -> str:
    """The header's text, fit for a terminal whoever wrote it."""
    text = (value or b"").decode(errors="replace")
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _seconds(iso8601: str) -> float | None:
    try:
        moment = datetime.fromisoformat(iso8601)
    except ValueError:
        return None
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return seconds if 0 <= seconds < _END_SECONDS else None
