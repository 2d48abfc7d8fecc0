"""Decodes a JSON record as a whole, to be shown; the mapping itself decodes only what it needs."""

from __future__ import annotations

import msgspec

from worker.formats.json.envelope import unwrap, why_not_json
from worker.formats.json.lenient import NotJson, loads
from worker.formats.protocol import NOT_AN_OBJECT, NOT_JSON, FormatError

_decode = msgspec.json.Decoder().decode


def decode_whole(value: bytes) -> dict[str, object] | None:
    """Return the record's object; None for JSON's null. Numbers that no field takes are UnusableNumbers.

    Raises:
        FormatError: it is not a JSON object.
        RecursionError: it is nested too deeply.
    """
    try:
        text = unwrap(value)
        if text is None:
            return None
        found = _decode_text(text)
    except NotJson as fault:
        raise FormatError(NOT_JSON, why_not_json(value, fault)) from None
    except ValueError:
        raise FormatError(NOT_JSON, "something in the value is not JSON") from None
    if not isinstance(found, dict):
        raise FormatError(NOT_AN_OBJECT, "the value is JSON, but not an object")
    return found


def _decode_text(text: str) -> object:
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return loads(text)
