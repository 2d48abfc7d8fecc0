"""Takes apart the aggregates of the Kinesis Producer Library (KPL): many users' records in one of the stream.

An aggregate is ``F3 89 9A C2``, a Protobuf message ``AggregatedRecord``, and the MD5 of that message. What
looks like one and is broken is an ordinary record, as for the KCL: nothing is dropped. Unlike the KCL,
records whose hash key is outside the shard's range are kept: after a split they stand in no other shard.

Source: "KPL Aggregated Record Format" in the KPL's repository. The message is read here, because two levels
of it are all that is needed, and Protobuf is an extra. Whatever the bytes, nothing raises, and the memory is
linear in them: a record takes six bytes at least.
"""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAGIC: Final = b"\xf3\x89\x9a\xc2"
_DIGEST_BYTES: Final = 16
# Keys of the fields: the number, and how it is encoded (0: varint, 2: with a length).
_PARTITION_KEYS: Final = 1 << 3 | 2
_EXPLICIT_HASH_KEYS: Final = 2 << 3 | 2
_RECORDS: Final = 3 << 3 | 2
_PARTITION_KEY_INDEX: Final = 1 << 3
_EXPLICIT_HASH_KEY_INDEX: Final = 2 << 3
_DATA: Final = 3 << 3 | 2
# Of the encodings of a field; 3 and 4 are groups, which no KPL writes.
_VARINT: Final = 0
_WITH_LENGTH: Final = 2
_FIXED_BYTES: Final = {1: 8, 5: 4}
_MORE_FOLLOWS: Final = 0x80
_MAX_VARINT_SHIFT: Final = 63
_NO_FIELD: Final = 8
# Of a record: a key and an index, a key and a length.
_SHORTEST: Final = 4


class UserRecord(Struct, frozen=True, gc=False):
    """A record as its producer handed it to the KPL, or a whole record of the stream."""

    subsequence: int
    """Its place in the aggregate; 0 for a whole record."""
    partition_key: bytes
    """As UTF-8."""
    data: bytes
    explicit_hash_key: bytes | None = None
    """The hash key that the producer chose, in decimal digits, if it did."""


class _BrokenError(Exception):
    """The message is not a whole ``AggregatedRecord``."""


def user_records(data: bytes, partition_key: str) -> Sequence[UserRecord]:
    """Return the users' records in a record of the stream, in order; itself if it is no aggregate."""
    if data.startswith(_MAGIC) and len(data) > len(_MAGIC) + _DIGEST_BYTES:
        message = data[len(_MAGIC) : -_DIGEST_BYTES]
        if md5(message, usedforsecurity=False).digest() == data[-_DIGEST_BYTES:]:
            try:
                return _taken_apart(message)
            except (_BrokenError, IndexError):
                # IndexError: it ends within a field, or an index is past its table.
                pass
    return (UserRecord(0, partition_key.encode(), data),)


def _taken_apart(message: bytes) -> list[UserRecord]:
    partition_keys: list[bytes] = []
    hash_keys: list[bytes] = []
    places: list[tuple[int, int]] = []
    at, end = 0, len(message)
    while at < end:
        field, value, at = _field(message, at, end)
        if field == _RECORDS:
            if at - value < _SHORTEST:
                raise _BrokenError
            places.append((value, at))
        elif field == _PARTITION_KEYS:
            partition_keys.append(message[value:at])
        elif field == _EXPLICIT_HASH_KEYS:
            hash_keys.append(message[value:at])
    # The tables may come after the records that refer to them.
    records = []
    for subsequence, (begin, stop) in enumerate(places):
        key_index, hash_key_index, data = _record(message, begin, stop)
        hash_key = None if hash_key_index is None else hash_keys[hash_key_index]
        records.append(UserRecord(subsequence, partition_keys[key_index], data, hash_key))
    return records


def _record(message: bytes, at: int, end: int) -> tuple[int, int | None, bytes]:
    """Return the indices of partition key and explicit hash key, and the data. Tags are left out."""
    if message[at] == _PARTITION_KEY_INDEX and message[at + 2] == _DATA:
        # As the KPL writes most of them, so it is done without a loop.
        index = message[at + 1]
        length, value = _varint(message, at + 3) if index < _MORE_FOLLOWS else (0, at)
        if value + length == end:
            return index, None, message[value:end]
    key_index = hash_key_index = data = None
    while at < end:
        field, value, at = _field(message, at, end)
        if field == _DATA:
            data = message[value:at]
        elif field == _PARTITION_KEY_INDEX:
            key_index = value
        elif field == _EXPLICIT_HASH_KEY_INDEX:
            hash_key_index = value
    if key_index is None or data is None:
        raise _BrokenError
    return key_index, hash_key_index, data


def _field(message: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Read the field that begins at ``at``.

    Returns:
        Its key; its value if it is a varint, else where its bytes begin; and where it ends, which is not
        behind ``end``.
    """
    field = message[at]
    at += 1
    if field >= _MORE_FOLLOWS:
        field, at = _varint(message, at - 1)
    encoding = field & 7
    if encoding == _WITH_LENGTH:
        length, value = _varint(message, at)
        at = value + length
    elif encoding == _VARINT:
        value, at = _varint(message, at)
    elif encoding in _FIXED_BYTES:
        value, at = at, at + _FIXED_BYTES[encoding]
    else:
        raise _BrokenError
    if at > end or field < _NO_FIELD:
        raise _BrokenError
    return field, value, at


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at ``at``, of 64 bits at most, and where it ends."""
    value = message[at]
    at += 1
    if value < _MORE_FOLLOWS:
        return value, at
    value &= 0x7F
    for shift in range(7, _MAX_VARINT_SHIFT + 1, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE_FOLLOWS:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise _BrokenError
