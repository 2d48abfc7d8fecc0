"""The envelope of a letter in a Kinesis stream: one JSON object, because records there have no headers.

``headers`` holds what the headers of a letter in Kafka hold; ``key`` and ``value`` are the record's, as text
where they are UTF-8, else as base64 under ``key_base64`` and ``value_base64``.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.core.model.records import Headers, Record
    from worker.dead_letters.letter import LetterHeaders


class Content(Struct, frozen=True):
    """What a letter holds: the record's key and value, and the letter's headers."""

    key: bytes | None
    value: bytes | None
    headers: Headers


class _Envelope(Struct, frozen=True):
    headers: dict[str, str | None]
    key: str | None = None
    key_base64: str | None = None
    value: str | None = None
    value_base64: str | None = None


_DECODER = msgspec.json.Decoder(_Envelope)


def envelope(record: Record, headers: LetterHeaders) -> Mapping[str, object]:
    """Return the letter as an object of JSON."""
    return {
        "headers": {name: _header(value) for name, value in headers},
        **_member("key", record.key),
        **_member("value", record.value),
    }


def opened(data: bytes) -> Content | None:
    """Return what an envelope holds; None if it is none. Anybody may write to the stream: nothing raises."""
    try:
        found = _DECODER.decode(data)
        return Content(
            _content(found.key, found.key_base64),
            _content(found.value, found.value_base64),
            tuple((name, None if value is None else value.encode()) for name, value in found.headers.items()),
        )
    except (msgspec.DecodeError, UnicodeError, RecursionError, binascii.Error):
        return None


def _header(value: str | bytes | None) -> str | None:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value


def _member(name: str, content: bytes | None) -> dict[str, str | None]:
    if content is None:
        return {name: None}
    try:
        return {name: content.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": b64encode(content).decode()}


def _content(text: str | None, base64: str | None) -> bytes | None:
    if text is not None:
        return text.encode()
    return None if base64 is None else b64decode(base64, validate=True)
