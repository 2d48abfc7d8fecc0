"""Formats a decoded record for a person: indented, coloured, long values shortened with how much is missing.

Whatever it holds, the result is harmless on a terminal: what is not printable is escaped.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Final

from worker.formats.json.text import open_text
from worker.formats.protocol import LazyValue, UnusableNumber

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.commands.try_.colours import Paint

_MOST_CHARACTERS: Final = 120
_MOST_ELEMENTS: Final = 10
_MOST_MEMBERS: Final = 100
_DEEPEST: Final = 30
_INDENT: Final = "  "


def pretty(value: object, paint: Paint, indent: str = "") -> str:
    """Return the value as indented JSON; text that holds JSON is opened, and said to be text."""
    return "\n".join(_lines(value, paint, indent, 0))


def escaped(text: str) -> str:
    """Return the text between quotes, with all that is not printable escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in quoted)


def shortened(text: str) -> str:
    """Return text of any length between quotes, at most a line of it, and how many characters follow."""
    if (more := len(text) - _MOST_CHARACTERS) <= 0:
        return escaped(text)
    return f"{escaped(text[:_MOST_CHARACTERS])}... {more:,} more characters"


def shown_bytes(value: bytes) -> str:
    """Return bytes as text, or in Base64 if they are none."""
    try:
        return shortened(value.decode())
    except UnicodeDecodeError:
        return f"base64 {shortened(b64encode(value).decode())}"


def _lines(value: object, paint: Paint, indent: str, depth: int) -> Iterator[str]:
    """Yield the lines of a value; the first is not indented, because something may stand before it."""
    if depth > _DEEPEST:
        yield paint("dim", "... nested deeper")
    elif isinstance(value, dict) and value:
        yield "{"
        yield from _members(value, paint, indent + _INDENT, depth)
        yield indent + "}"
    elif isinstance(value, list) and value:
        yield "["
        yield from _elements(value, paint, indent + _INDENT, depth)
        yield indent + "]"
    elif isinstance(value, str) and (within := _opened(value)) is not None:
        first, *rest = _lines(within, paint, indent, depth + 1)
        yield f"{paint('dim', 'JSON text:')} {first}"
        yield from rest
    else:
        yield _scalar(value, paint)


def _members(value: dict[object, object], paint: Paint, indent: str, depth: int) -> Iterator[str]:
    members = list(value.items())
    for number, (name, member) in enumerate(members[:_MOST_MEMBERS], 1):
        first, *rest = _lines(member, paint, indent, depth + 1)
        lines = [f"{indent}{paint('name', shortened(str(name)))}: {first}", *rest]
        yield from _with_comma(lines, is_last=number == len(members))
    if (more := len(members) - _MOST_MEMBERS) > 0:
        yield indent + paint("dim", f"... {more:,} more members")


def _elements(value: list[object], paint: Paint, indent: str, depth: int) -> Iterator[str]:
    for number, element in enumerate(value[:_MOST_ELEMENTS], 1):
        first, *rest = _lines(element, paint, indent, depth + 1)
        yield from _with_comma([indent + first, *rest], is_last=number == len(value))
    if (more := len(value) - _MOST_ELEMENTS) > 0:
        yield indent + paint("dim", f"... {more:,} more elements")


def _with_comma(lines: list[str], *, is_last: bool) -> Iterator[str]:
    yield from lines[:-1]
    yield lines[-1] + ("" if is_last else ",")


def _opened(text: str) -> object:
    """Return the object or array that a text holds; None if it holds neither."""
    within = open_text(text)
    try:
        return within.read() if isinstance(within, LazyValue) else within
    except Exception:  # noqa: BLE001  what can't be read is shown as the text that it is
        return None


def _scalar(value: object, paint: Paint) -> str:
    match value:
        case str():
            return paint("text", shortened(value))
        case None | bool():
            return paint("number", json.dumps(value))
        case UnusableNumber(rule=rule):
            return paint("number", f"({rule})")
        case bytes():
            return paint("text", shown_bytes(value))
        case dict() | list():
            return "{}" if isinstance(value, dict) else "[]"
        case _:
            return paint("number", str(value))
