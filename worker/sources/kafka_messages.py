"""From librdkafka's messages to records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.core.records import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Message

    from worker.core.lease import Lease
    from worker.core.records import Headers

_NO_HEADERS: Final[Headers] = ()
_RECENT_KEYS: Final = 4096
# All that are kept of these take a megabyte; larger ones are rare, and four thousand of them could take all.
_LARGEST_SHARED_KEY_BYTES: Final = 256
# What is received is mapped in one go, and comes on top of what was room for.
_BYTES_AT_ONCE: Final = 4 << 20
_STEP: Final = 10


class RecordReader:
    """Makes records, byte for byte; keys and timestamps that come again are kept once.

    A hundred thousand records may be held, many of them of a session whose key has just been seen.
    """

    def __init__(self) -> None:
        """Begin without any that were seen."""
        self._keys: dict[bytes, bytes] = {}
        self._timestamp_ms = 0

    def record(self, message: Message, lease: Lease, received_at: float) -> Record:
        """The message, which is no error, as a record under this lease."""
        kind, timestamp_ms = message.timestamp()
        if timestamp_ms == self._timestamp_ms:
            timestamp_ms = self._timestamp_ms
        else:
            self._timestamp_ms = timestamp_ms
        headers: Any = message.headers()
        return Record(
            lease,
            message.offset(),  # type: ignore[arg-type]  # set, for it is no error
            timestamp_ms if kind else None,
            self._shared(message.key()),
            message.value(),
            tuple(headers) if headers else _NO_HEADERS,
            received_at,
        )

    def _shared(self, key: bytes | None) -> bytes | None:
        if key is None or len(key) > _LARGEST_SHARED_KEY_BYTES:
            return key
        if len(self._keys) >= _RECENT_KEYS:
            self._keys.clear()
        return self._keys.setdefault(key, key)


def how_many_more(messages: Sequence[Message], max_records: int) -> int:
    """How many records may come after these, by their mean size.

    In steps: a compressed batch of 1 MB may hold hundreds of records of 1 MB, and the first few tell.
    """
    size = sum(map(len, messages))
    by_size = (_BYTES_AT_ONCE - size) * len(messages) // max(size, 1)
    return min(max_records - len(messages), by_size, _STEP * len(messages))
