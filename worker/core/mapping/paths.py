"""Parses paths: where a value is found in the JSON, or in the record itself (``$key`` and the like).

A path consists of names and array indexes: ``items.0.id`` or ``items[0].id``. A number is an index where the
JSON holds an array, and a name where it holds an object. A name with a dot, a bracket or a leading dollar is
put in double quotes: ``context."app.name"``.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from msgspec import Struct

from worker.core.mapping.faults import unknown

Step: TypeAlias = tuple[str, int | None]
"""A name, and the index that it means where the JSON holds an array."""

_STEP: Final = re.compile(
    r"""
      (?: ^ | (?<=.) [.] )  (?: "(?P<quoted>[^"]+)" | (?P<plain>[^."\[\]]+) )
    | (?<=.) \[ (?P<index> [0-9]{1,9} ) \]
    """,
    re.VERBOSE,
)
_INDEX: Final = re.compile("[0-9]{1,9}")
_HEADERS: Final = "$headers."


class JsonPath(Struct, frozen=True):
    """A place in the value: a member of its top object, and the steps from there on."""

    text: str
    root: str
    rest: tuple[Step, ...]


class RecordKey(Struct, frozen=True):
    """The record's key, as text."""

    text: str = "$key"


class RecordTimestamp(Struct, frozen=True):
    """The record's timestamp, in milliseconds whatever the field's unit."""

    text: str = "$timestamp"


class RecordHeader(Struct, frozen=True):
    """The last header of that name, as text."""

    text: str
    name: str


Place: TypeAlias = JsonPath | RecordKey | RecordTimestamp | RecordHeader


def parse_path(text: object) -> Place:
    """Parse a path.

    Raises:
        ValueError: it is not a path; the message says why.
    """
    if not isinstance(text, str):
        msg = "a path is text"
        raise ValueError(msg)  # noqa: TRY004  the operator's mistake, as all others here
    if not text.strip():
        msg = "an empty path"
        raise ValueError(msg)
    if text.startswith("$"):
        return _parse_own(text)
    if not text.isprintable() or "\\" in text:
        msg = "a path holds no control characters and no backslashes"
        raise ValueError(msg)
    (root, _), *rest = _steps(text)
    return JsonPath(text, root, tuple(rest))


def _parse_own(text: str) -> Place:
    if text == "$key":
        return RecordKey()
    if text == "$timestamp":
        return RecordTimestamp()
    if text.startswith(_HEADERS) and text != _HEADERS:
        return RecordHeader(text, text.removeprefix(_HEADERS))
    raise ValueError(unknown("place", text, ("$key", "$timestamp", "$headers.NAME")))


def _steps(text: str) -> list[Step]:
    steps: list[Step] = []
    end = 0
    while end < len(text):
        match = _STEP.match(text, end)
        if match is None:
            msg = f'`{text}` is no path at character {end + 1}; say `a.b`, `a[0].b` or `a."b.c"`'
            raise ValueError(msg)
        quoted, plain, index = match.group("quoted", "plain", "index")
        name = quoted or plain or index
        steps.append((name, int(name) if quoted is None and _INDEX.fullmatch(name) else None))
        end = match.end()
    return steps
