"""Reads the values of Avro's types out of a record, or skips them.

A codec is handed the record and an index, and returns the value and the index behind it. Nothing here asks
whether a single length stays within the record: the next byte is then missing (IndexError), or the end is not
where the record's is, which whoever reads it must check. A count of items is asked, because not each item is
looked at where it is skipped. So a record costs at most what its own size allows: each item takes a byte or
more (``schema`` refuses others), and depth ends at Python's limit.

Source: Avro's specification, 1.12, "Binary encoding" and "Logical types".
"""

from __future__ import annotations

from datetime import date
from struct import Struct as Packed
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from worker.formats.numbers import decimal_text, from_double, from_single

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    Read: TypeAlias = Callable[[bytes, int], tuple[object, int]]
    Skip: TypeAlias = Callable[[bytes, int], int]


class Codec(NamedTuple):
    """How the values of one type are read, and skipped."""

    read: Read
    skip: Skip
    fewest: int
    """The fewest bytes that a value takes."""
    fields: tuple[tuple[str, Codec], ...] | None = None
    """Those of a record."""
    branches: tuple[Codec, ...] = ()
    """Those of a union."""


_MORE: Final = 0x80
# A length or an index is mostly one byte without these bits: neither a longer nor a negative number.
_LONG_OR_NEGATIVE: Final = 0x81
_MOST_SHIFT: Final = 63
_DOUBLE: Final = Packed("<d").unpack_from
_SINGLE: Final = Packed("<f").unpack_from
_UNIX_EPOCH: Final = date(1970, 1, 1).toordinal()


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """Read a zigzag varint of at most 64 bits."""
    byte = data[at]
    at += 1
    if byte < _MORE:
        return (byte >> 1) ^ -(byte & 1), at
    number, shift = byte & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < _MORE:
            break
        shift += 7
        if shift > _MOST_SHIFT:
            raise OverflowError
    if number >> 64:
        raise OverflowError
    return (number >> 1) ^ -(number & 1), at


def _length(data: bytes, at: int) -> tuple[int, int]:
    number, at = read_long(data, at)
    if number < 0:
        raise ValueError
    return number, at


def _skip_long(data: bytes, at: int) -> int:
    while data[at] >= _MORE:
        at += 1
    return at + 1


def _read_boolean(data: bytes, at: int) -> tuple[bool, int]:
    byte = data[at]
    if byte > 1:
        raise ValueError
    return byte == 1, at + 1


def _read_double(data: bytes, at: int) -> tuple[object, int]:
    return from_double(_DOUBLE(data, at)[0]), at + 8


def _read_single(data: bytes, at: int) -> tuple[object, int]:
    return from_single(_SINGLE(data, at)[0]), at + 4


def _read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = _length(data, at)
    return data[at : at + length], at + length


def _skip_bytes(data: bytes, at: int) -> int:
    byte = data[at]
    if not byte & _LONG_OR_NEGATIVE:
        return at + 1 + (byte >> 1)
    length, at = _length(data, at)
    return at + length


def _string(errors: str) -> Codec:
    def read(data: bytes, at: int) -> tuple[str, int]:
        byte = data[at]
        if byte & _LONG_OR_NEGATIVE:
            length, at = _length(data, at)
            end = at + length
        else:
            at += 1
            end = at + (byte >> 1)
        return data[at:end].decode("utf-8", errors), end

    return Codec(read, _skip_bytes, 1)


def primitives(errors: str) -> Mapping[str, Codec]:
    """Return the codecs of types without parts; ``errors`` is for text that is not UTF-8."""
    return {
        "null": Codec(lambda _, at: (None, at), lambda _, at: at, 0),
        "boolean": Codec(_read_boolean, lambda _, at: at + 1, 1),
        "int": Codec(read_long, _skip_long, 1),
        "long": Codec(read_long, _skip_long, 1),
        "float": Codec(_read_single, lambda _, at: at + 4, 4),
        "double": Codec(_read_double, lambda _, at: at + 8, 8),
        "bytes": Codec(_read_bytes, _skip_bytes, 1),
        "string": _string(errors),
    }


def fixed(size: int) -> Codec:
    """Return the codec of so many bytes."""
    return Codec(lambda data, at: (data[at : at + size], at + size), lambda _, at: at + size, size)


def enum(symbols: Sequence[str]) -> Codec:
    """Return the codec of the symbols."""

    def read(data: bytes, at: int) -> tuple[str, int]:
        number, at = _length(data, at)
        return symbols[number], at

    return Codec(read, _skip_long, 1)


def union(branches: Sequence[Codec]) -> Codec:
    """Return the codec of a value of one of the branches."""
    skips = [each.skip for each in branches]

    def skip(data: bytes, at: int) -> int:
        byte = data[at]
        if byte & _LONG_OR_NEGATIVE:
            number, at = _length(data, at)
            return skips[number](data, at)
        return skips[byte >> 1](data, at + 1)

    return Codec(read_branch([each.read for each in branches]), skip, 1, branches=tuple(branches))


def read_branch(reads: Sequence[Read]) -> Read:
    """Return what reads a union whose branches are read so."""

    def read(data: bytes, at: int) -> tuple[object, int]:
        byte = data[at]
        if byte & _LONG_OR_NEGATIVE:
            number, at = _length(data, at)
            return reads[number](data, at)
        return reads[byte >> 1](data, at + 1)

    return read


def _begin_block(data: bytes, at: int, fewest: int) -> tuple[int, int, int]:
    """Read the head of a block: its count (0 ends the array), where its items begin, and its length or -1."""
    count, at = read_long(data, at)
    length = -1
    if count < 0:
        count, (length, at) = -count, _length(data, at)
    if count * fewest > len(data) - at:
        raise ValueError
    return count, at, length


def array(items: Codec) -> Codec:
    """Return the codec of an array: blocks of items, each with its count before it."""
    read_item, fewest = items.read, items.fewest

    def read(data: bytes, at: int) -> tuple[list[object], int]:
        found: list[object] = []
        count, at, _ = _begin_block(data, at, fewest)
        while count:
            for _ in range(count):
                item, at = read_item(data, at)
                found.append(item)
            count, at, _ = _begin_block(data, at, fewest)
        return found, at

    return Codec(read, _skip_blocks(items.skip, fewest), 1)


def map_of(text: Codec, values: Codec) -> Codec:
    """Return the codec of a map, which is written as an array of pairs."""
    read_key, read_value, fewest = text.read, values.read, text.fewest + values.fewest

    def read(data: bytes, at: int) -> tuple[dict[object, object], int]:
        found: dict[object, object] = {}
        count, at, _ = _begin_block(data, at, fewest)
        while count:
            for _ in range(count):
                key, at = read_key(data, at)
                found[key], at = read_value(data, at)
            count, at, _ = _begin_block(data, at, fewest)
        return found, at

    return Codec(read, _skip_blocks(lambda data, at: values.skip(data, text.skip(data, at)), fewest), 1)


def _skip_blocks(skip_item: Skip, fewest: int) -> Skip:
    def skip(data: bytes, at: int) -> int:
        count, at, length = _begin_block(data, at, fewest)
        while count:
            if length >= 0:
                # The block's bytes are said: that is what for.
                at += length
            else:
                for _ in range(count):
                    at = skip_item(data, at)
            count, at, length = _begin_block(data, at, fewest)
        return at

    return skip


def record(fields: Sequence[tuple[str, Codec]]) -> Codec:
    """Return the codec of a record within others: an object."""
    reads = [(name, codec.read) for name, codec in fields]
    skips = [codec.skip for _, codec in fields]

    def read(data: bytes, at: int) -> tuple[dict[str, object], int]:
        found = {}
        for name, read_field in reads:
            found[name], at = read_field(data, at)
        return found, at

    def skip(data: bytes, at: int) -> int:
        for skip_field in skips:
            at = skip_field(data, at)
        return at

    return Codec(read, skip, sum(codec.fewest for _, codec in fields), tuple(fields))


def decimal(of_bytes: Codec, scale: int) -> Codec:
    """Return the codec of a decimal number: text with all its digits."""
    return _converted(of_bytes, lambda value: decimal_text(value, scale))


def day(of_int: Codec) -> Codec:
    """Return the codec of a date: its text, or the days since 1970 where Python has no such year."""
    return _converted(of_int, _day)


def uuid(of_fixed: Codec) -> Codec:
    """Return the codec of a UUID in 16 bytes: its text."""
    return _converted(of_fixed, lambda value: str(UUID(bytes=value)))


def _converted(codec: Codec, convert: Callable[[Any], object]) -> Codec:
    read_raw = codec.read

    def read(data: bytes, at: int) -> tuple[object, int]:
        value, at = read_raw(data, at)
        return convert(value), at

    return codec._replace(read=read)


def _day(value: int) -> object:
    try:
        return date.fromordinal(_UNIX_EPOCH + value).isoformat()
    except (ValueError, OverflowError):
        return value
