"""JSON within text: opens text that holds a JSON object or array, whatever the record's own format."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from worker.formats.json.lenient import NotJson, UndecodedJson, loads

# Text in text in text: each further level doubles the backslashes, so nobody writes it.
_DEEPEST: Final = 3
_BEGINS_LIKE_JSON: Final = re.compile(r'[ \t\n\r]*+[{\["]')
_decode: Final = msgspec.json.Decoder().decode


def open_text(text: str) -> object:
    """Return what JSON text holds, lazy where msgspec refuses it; None if it is no object or array."""
    for _ in range(_DEEPEST):
        if not _BEGINS_LIKE_JSON.match(text):
            return None
        try:
            value = _decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return _open_leniently(text.strip(" \t\n\r"))
        if not isinstance(value, str):
            return value
        text = value
    return None


def _open_leniently(text: str) -> object:
    undecoded = UndecodedJson(text, "JSON text")
    try:
        # Text that only looks like JSON, such as "[draft] title", is text, and not a fault of the record.
        if undecoded.parts() is None:
            within = UndecodedJson(str(loads(text)).strip(" \t\n\r"), "JSON text")
            return within if within.parts() is not None else None
    except (NotJson, ValueError):
        return None
    return undecoded


def parse_text(text: str) -> object:
    """Return everything that JSON text holds, leniently where msgspec refuses it; None for blank text.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return loads(text) if text and not text.isspace() else None


def unquoted(text: str) -> str:
    """Return the text without the quotes of a JSON string, if it is one."""
    try:
        within = _decode(text)
    except msgspec.MsgspecError:
        return text
    return within if isinstance(within, str) else text
