"""Converts librdkafka's messages to records."""

from __future__ import annotations

from operator import call
from typing import TYPE_CHECKING, Any, Final

from worker.core.model.dead_letter_headers import UNREADABLE_HEADERS
from worker.core.model.records import Record, held_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Message

    from worker.core.model.records import Headers
    from worker.core.offsets.assignment import Assignment

_NO_HEADERS: Final[Headers] = ()
_RECENT_KEYS: Final = 4096
# All shared keys together take a megabyte. Larger keys are rare, and four thousand of them could take all
# memory.
_LARGEST_SHARED_KEY_BYTES: Final = 256
# What is received is mapped in one go, and comes on top of the room that there was.
_BYTES_AT_ONCE: Final = 4 << 20
_STEP: Final = 10


class RecordReader:
    """Makes records, byte for byte; keys and timestamps that recur are kept once.

    A hundred thousand records may be held, many of them of a session whose key was seen just before.
    """

    def __init__(self) -> None:
        self._keys: dict[bytes, bytes] = {}
        self._timestamp_ms = 0

    def record(self, message: Message, assignment: Assignment, received_at: float) -> Record:
        """Convert a message, which must not be an error, to a record under this assignment."""
        kind, timestamp_ms = message.timestamp()
        if timestamp_ms == self._timestamp_ms:
            timestamp_ms = self._timestamp_ms
        else:
            self._timestamp_ms = timestamp_ms
        return Record(
            assignment,
            message.offset(),  # type: ignore[arg-type]  # set, because it is no error
            timestamp_ms if kind and timestamp_ms >= 0 else None,
            self._shared(message.key()),
            message.value(),
            _headers(message),
            received_at,
        )

    def _shared(self, key: bytes | None) -> bytes | None:
        if key is None or len(key) > _LARGEST_SHARED_KEY_BYTES:
            return key
        if len(self._keys) >= _RECENT_KEYS:
            self._keys.clear()
        return self._keys.setdefault(key, key)


def _headers(message: Message) -> Headers:
    """Return the headers of a message; ``UNREADABLE_HEADERS`` where a name is not UTF-8.

    For such a message confluent-kafka returns a list with holes in it *and* sets an exception. A call made in
    C raises the exception. A call made by the interpreter, once it has run often enough to be specialised,
    looks only at the list: the holes crash the process when they are touched, and the exception surfaces in
    some later call. A second call would return the list with its holes, too.
    """
    try:
        headers: Any = call(message.headers)
    except (SystemError, UnicodeDecodeError):
        return UNREADABLE_HEADERS
    return tuple(headers) if headers else _NO_HEADERS


def how_many_more(records: Sequence[Record], max_records: int) -> int:
    """Return how many records may follow these, based on their mean size: value, key and headers.

    The number grows in steps: a compressed batch of 1 MB may hold hundreds of records of 1 MB, and the first
    few reveal that.
    """
    count = len(records)
    if count >= max_records:
        return 0
    size = sum(map(held_bytes, records))
    by_size = (_BYTES_AT_ONCE - size) * count // max(size, 1)
    return min(max_records - count, by_size, _STEP * count)
