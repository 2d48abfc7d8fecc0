"""JSON within text: a path goes on into a text that is a JSON object or array, and keys may be quoted.

Outbox tables, queues and archives put the event as JSON text into a member, once or twice. A text is opened
only where a path goes on; where it ends, text stays text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from worker.core.mapping.lenient import NotJson, Unread, loads

if TYPE_CHECKING:
    Opened: TypeAlias = dict[str, object]
    """What the JSON texts of one record hold, by the text."""

# Text in text in text: each more of them doubles the backslashes, so nobody writes it.
_DEEPEST: Final = 3
_BEGINS_LIKE_JSON: Final = re.compile(r'[ \t\n\r]*+[{\["]')
CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_decode: Final = msgspec.json.Decoder().decode


def step_into(value: str | Unread, name: str, index: int | None, opened: Opened) -> object:
    """One step into what is not decoded yet: JSON text, or a value that msgspec refused."""
    within: object = value
    if isinstance(value, Unread):
        within = value.parts()
        if within is None:
            within = value.read()
    if isinstance(within, str):
        if within not in opened:
            opened[within] = _open(within)
        within = opened[within]
    if isinstance(within, Unread):
        within = within.parts()
    if isinstance(within, dict):
        return within.get(name)
    if isinstance(within, list) and index is not None and index < len(within):
        return within[index]
    return None


def _open(text: str) -> object:
    """What JSON text holds: decoded, or Unread where msgspec refuses it; None if it is no object or array."""
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
    unread = Unread(text, "JSON text")
    try:
        # Text that only looks like JSON, such as "[draft] title", is text, and no fault of the record.
        if unread.parts() is None:
            within = Unread(str(loads(text)).strip(" \t\n\r"), "JSON text")
            return within if within.parts() is not None else None
    except (NotJson, ValueError):
        return None
    return unread


def own_text(own: bytes | None) -> object:
    """A key or a header as text, without the quotes that JSON serializers put around it.

    Bytes that are none stay bytes, which no field takes. So do those that hold control characters: a number
    of eight bytes, or a frame, happens to be UTF-8 where it is small.
    """
    if not own:
        return None
    try:
        text = own.decode()
    except UnicodeDecodeError:
        return own
    if text[0] == text[-1] == '"':
        text = _unquoted(text)
    return own if not text.isprintable() and CONTROL.search(text) else text


def _unquoted(text: str) -> str:
    try:
        within = _decode(text)
    except msgspec.MsgspecError:
        return text
    return within if isinstance(within, str) else text
