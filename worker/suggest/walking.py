"""Walks through a decoded record: every place in it, by the path with which a mapping would name it.

Arrays of objects are walked into as ``items[*].id``. Arrays of keys and values, as GA4 writes its
parameters, are walked into by the key: ``event_params[key=page_title].value.string_value``. Text that holds
JSON is opened, as the mapping does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.formats.json.text import open_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEEPEST: Final = 10
_MOST_ELEMENTS: Final = 100
_PLAIN: Final = re.compile(r"[^.\"\[\]$\\][^.\"\[\]\\]*")
_PLAIN_KEY: Final = re.compile(r"[^\"\[\]\\]+")
_KEY_NAMES: Final = ("key", "name", "Key", "Name", "k")
_VALUE_NAME: Final = re.compile(r"(.*_)?(value|v|val)", re.IGNORECASE)
# The key, the value, and its type; elements with more members are things, and not entries.
_MOST_ENTRY_MEMBERS: Final = 3


class Place(Struct, frozen=True):
    """A place in records."""

    path: str
    """As a mapping names it, from the top of the record."""
    names: tuple[str, ...]
    """The names on the way, without indexes; for an array of keys and values, its key."""
    arrays: tuple[str, ...] = ()
    """The paths of the arrays of objects that it is in, the outermost first."""

    def member(self, name: str) -> Place | None:
        """Return the place of a member; None if no path can name it."""
        if '"' in name or "\\" in name or not name.isprintable() or not name.strip():
            return None
        step = name if _PLAIN.fullmatch(name) and not name.isdigit() else f'"{name}"'
        return Place(f"{self.path}.{step}" if self.path else step, (*self.names, name), self.arrays)

    def element(self) -> Place:
        """Return the place of each element of the array that stands here."""
        return Place(f"{self.path}[*]", self.names, (*self.arrays, self.path))

    def entry(self, key_name: str, key: str) -> Place | None:
        """Return the place of the element with this key; None if no path can name it."""
        if '"' in key or "\\" in key or not key.isprintable() or not key:
            return None
        named = key if _PLAIN_KEY.fullmatch(key) else f'"{key}"'
        return Place(f"{self.path}[{key_name}={named}]", (*self.names, key), self.arrays)


TOP: Final = Place("", ())


def walk(document: Mapping[str, object]) -> Iterator[tuple[Place, object]]:
    """Yield each place, and what it holds: a scalar, an object, or an array; also null and empty text."""
    return _walk(TOP, document, 0)


def _walk(place: Place, value: object, depth: int) -> Iterator[tuple[Place, object]]:
    if isinstance(value, str):
        opened = open_text(value)
        value = opened if isinstance(opened, dict | list) else value
    if place is not TOP:
        yield place, value
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        yield from _members(place, value, depth)
    elif isinstance(value, list):
        yield from _elements(place, value[:_MOST_ELEMENTS], depth)


def _members(place: Place, value: Mapping[str, object], depth: int) -> Iterator[tuple[Place, object]]:
    for name, member in value.items():
        at = place.member(str(name))
        if at is not None:
            yield from _walk(at, member, depth + 1)


def _elements(place: Place, value: list[object], depth: int) -> Iterator[tuple[Place, object]]:
    elements = [each for each in value if isinstance(each, dict)]
    key_name = _key_name(elements)
    for element in elements:
        if key_name is None:
            yield from _members(place.element(), element, depth + 1)
        elif (at := place.entry(key_name, element[key_name])) is not None:
            rest = {name: member for name, member in element.items() if name != key_name}
            yield from _entry(at, rest, depth + 1)


def _entry(at: Place, rest: Mapping[str, object], depth: int) -> Iterator[tuple[Place, object]]:
    """Yield what stands in an entry; its names end with the key, because ``value.int_value`` says nothing."""
    for place, value in _members(at, rest, depth):
        yield Place(place.path, at.names, at.arrays), value


def _key_name(elements: list[dict[str, object]]) -> str | None:
    """Return the member that holds the keys, if these are entries of keys and values."""
    for name in _KEY_NAMES:
        keys = [element.get(name) for element in elements]
        if keys and all(isinstance(key, str) for key in keys) and len(set(keys)) == len(keys):
            return name if all(map(_is_entry, elements)) else None
    return None


def _is_entry(element: dict[str, object]) -> bool:
    return len(element) <= _MOST_ENTRY_MEMBERS and any(_VALUE_NAME.fullmatch(name) for name in element)
