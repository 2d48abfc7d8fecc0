"""Reads records from a file or from standard input, a line each. docs/try.md says what a line may be.

In JSON and in text with columns, a line is the record's value as it is; in the other formats it is the
value's bytes in Base64. An object with the one member ``$record`` is a record with more than a value: it may
have ``value`` (any JSON) or ``value_base64``, ``key`` or ``key_base64``, ``headers`` (an object) and
``timestamp`` (epoch milliseconds).
"""

from __future__ import annotations

import binascii
import sys
from base64 import b64decode
from typing import IO, TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker.commands.try_.file_texts import texts_of
from worker.commands.try_.sampled import CannotRead, Sampled
from worker.config import ConfigError, Mistake
from worker.core.model.partition import Partition
from worker.core.model.records import Record
from worker.core.offsets.assignment import Assignment
from worker.formats.signatures import describe_signature

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.core.model.records import Headers

STANDARD_INPUT: Final = "-"
_AS_WRITTEN: Final = frozenset({"json", "csv", "tsv"})
"""The formats whose values can stand in a line as they are."""


class _Given(Struct, forbid_unknown_fields=True):
    """What may stand in ``$record``."""

    value: msgspec.Raw = msgspec.Raw()
    value_base64: str | None = None
    key: str | None = None
    key_base64: str | None = None
    headers: dict[str, str | None] = {}
    timestamp: int | None = None


_RECORD: Final = "$record"
_decode_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_given: Final = msgspec.json.Decoder(_Given).decode


def file_records(
    name: str, record_format: str, now_ms: int, columns: Sequence[str] = ()
) -> Iterator[Sampled]:
    """Yield the records of a file, or of standard input for ``-``; empty lines are passed over.

    Args:
        name: the file.
        record_format: ``record.format``.
        now_ms: the timestamp of records that say none, in epoch milliseconds.
        columns: ``record.columns``; a first line that only names them is passed over.

    Raises:
        ConfigError: there is no such file.
        CannotRead: a line is no record; nothing of it is quoted.
    """
    if name == STANDARD_INPUT:
        yield from records_of(sys.stdin.buffer, name, record_format, now_ms, columns)
        return
    try:
        with open(name, "rb") as lines:  # noqa: PTH123  its name is shown as it was given
            yield from records_of(lines, name, record_format, now_ms, columns)
    except OSError as error:
        raise ConfigError([Mistake(name, f"can't be read: {error.strerror}", "--file")]) from None


def records_of(
    file: IO[bytes], name: str, record_format: str, now_ms: int, columns: Sequence[str] = ()
) -> Iterator[Sampled]:
    """Yield the record of each text of the file; see ``file_records``."""
    assignment = Assignment(Partition(name, 0), 0)

    def say(what: str) -> None:
        sys.stderr.write(f"personalize-worker: {name}: {what}\n")

    for where, number, text in texts_of(file, record_format, say, columns):
        at = name + where
        try:
            record = _record(text, record_format, assignment, number)
        except ValueError as error:
            raise CannotRead(at, f"{error}: {_seems(text)}docs/try.md says what a line may be") from None
        if record.timestamp_ms is not None:
            yield Sampled(at, record)
        else:
            yield Sampled(at, msgspec.structs.replace(record, timestamp_ms=now_ms), has_time=False)


def _seems(text: bytes) -> str:
    """Return what a text is that is no Base64, if it can be told."""
    what = describe_signature(text)
    return f"it seems to be {what}, and a value of a topic is wanted; " if what else ""


def _record(line: bytes, record_format: str, under: Assignment, offset: int) -> Record:
    """Return the record of a line.

    Raises:
        ValueError: it is none.
    """
    given = _given(line) if b'"$record"' in line else None
    if given is None:
        value = line if record_format in _AS_WRITTEN else _base64(line)
        return Record(under, offset, None, None, value, ())
    headers: Headers = tuple((header, _bytes(text)) for header, text in given.headers.items())
    return Record(
        under,
        offset,
        given.timestamp,
        _either(_bytes(given.key), given.key_base64, "key"),
        _either(_value(given.value), given.value_base64, "value"),
        headers,
    )


def _given(line: bytes) -> _Given | None:
    """Return what stands in ``$record``; None if the line is a value like any other."""
    try:
        members = _decode_members(line)
    except msgspec.MsgspecError:
        return None
    if members.keys() != {_RECORD}:
        return None
    try:
        return _decode_given(members[_RECORD])
    except msgspec.MsgspecError:
        known = ", ".join(_Given.__struct_fields__)
        reason = f"`{_RECORD}` must be an object of {known}"
        raise ValueError(reason) from None


def _value(written: msgspec.Raw) -> bytes | None:
    """Return the value's bytes: JSON as it stands there, or what the text of columns is."""
    return bytes(written) or None


def _either(plain: bytes | None, base64: str | None, what: str) -> bytes | None:
    if base64 is None:
        return plain
    if plain is not None:
        msg = f"`$record` has both {what} and {what}_base64"
        raise ValueError(msg)
    return _base64(base64.encode())


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _base64(text: bytes) -> bytes:
    try:
        return b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        msg = "neither bytes in Base64 nor an object with `$record`"
        raise ValueError(msg) from None
