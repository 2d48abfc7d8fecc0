"""Decodes leniently what a strict decoder refuses as a whole, for the sake of the members that matter.

msgspec refuses a record for half an emoji, a bare ``NaN`` or deep nesting, wherever it occurs. Here the text
is only split into members by its brackets and quotes, and nothing is decoded except what a path leads to. So
what stands elsewhere costs nothing, at whatever depth. This is slow, and only for the records that need it.

Text is kept unchanged; half of a surrogate pair, and bytes that are not UTF-8, become lone surrogates.
Whoever uses the text decides about them. A number that no field accepts becomes an ``UnusableNumber``.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final

from worker.formats.protocol import INFINITE, NAN, NOT_JSON, TOO_LARGE, FormatError, LazyValue, UnusableNumber

_BLANK: Final = r"[ \t\n\r]*+"
_STRING: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_MEMBER_NAME: Final = re.compile(rf"{_BLANK}({_STRING}){_BLANK}:{_BLANK}", re.DOTALL)
_SCALAR: Final = re.compile(rf'{_STRING}|[^ \t\n\r"\[\]{{}},:]++', re.DOTALL)
_TO_BRACKET: Final = re.compile(rf'(?:[^"\[\]{{}}]++|{_STRING})*+([\[\]{{}}])', re.DOTALL)
_NOT_BLANK: Final = re.compile(r"[^ \t\n\r]")
_CLOSING: Final = {"{": "}", "[": "]"}

# More than any field can hold: ids have 256 characters, properties 1,024. Python reads no more than 4,300.
_MOST_DIGITS: Final = 1024


class NotJson(FormatError):  # noqa: N818  a state of the text, not an error of ours
    """It is not JSON even by its brackets and quotes; ``found`` says what is there instead."""

    def __init__(self, found: str) -> None:
        super().__init__(NOT_JSON, f"the value is not JSON: {found}")
        self.found = found


class UndecodedJson(LazyValue):
    """One JSON value, without blanks around it; ``at`` is its place, for reasons."""

    __slots__ = ("_at", "_parts", "_text")

    def __init__(self, text: str, at: str) -> None:
        self._text = text
        self._at = at
        self._parts: dict[str, LazyValue] | list[LazyValue] | None = None

    def parts(self) -> dict[str, LazyValue] | list[LazyValue] | None:
        """Return the members of an object or the elements of an array; None if it is neither.

        Raises:
            NotJson: it is not JSON, or something follows it.
        """
        if self._parts is None and self._text.startswith("{"):
            self._parts = {
                name: UndecodedJson(text, f"{self._at}.{name}") for name, text in members(self._text).items()
            }
        elif self._parts is None and self._text.startswith("["):
            self._parts = [UndecodedJson(text, f"{self._at}[]") for text in _elements(self._text)]
        return self._parts

    def read(self) -> object:
        """Decode it.

        Raises:
            FormatError: it is not JSON.
            RecursionError: it is nested too deeply.
        """
        try:
            return loads(self._text)
        except ValueError:
            raise FormatError(NOT_JSON, f"`{self._at}` holds {_what(self._text)}") from None


def members(text: str) -> dict[str, str]:
    """Return the members of the object in ``text``, as written; of members with one name the last counts.

    Raises:
        NotJson: it is not an object, or something follows it.
    """
    found: dict[str, str] = {}
    position = 1
    while True:
        name = _MEMBER_NAME.match(text, position)
        if name is None:
            if not found and _next(text, position) == "}":
                break
            raise NotJson(_instead_of_a_name(text, position))
        end = _end_of_value(text, name.end())
        found[_name(name[1])] = text[name.end() : end]
        position = _after(text, end, "}")
        if text[position - 1] == "}":
            break
    _check_nothing_follows(text, position if found else text.index("}") + 1)
    return found


def loads(text: str) -> object:
    """Decode JSON that may hold raw control characters, lone surrogates and unusable numbers.

    Raises:
        ValueError: it is not even that.
        RecursionError: it is nested too deeply.
    """
    return _decoder.decode(text)


def _elements(text: str) -> list[str]:
    found: list[str] = []
    position = _skip_blanks(text, 1)
    if text[position : position + 1] == "]":
        _check_nothing_follows(text, position + 1)
        return found
    while text[position - 1] != "]" or not found:
        position = _skip_blanks(text, position)
        end = _end_of_value(text, position)
        found.append(text[position:end])
        position = _after(text, end, "]")
    _check_nothing_follows(text, position)
    return found


def _name(quoted: str) -> str:
    try:
        return str(loads(quoted)) if "\\" in quoted else quoted[1:-1]
    except ValueError:
        return quoted  # No path contains the quotes, so none leads there.


def _end_of_value(text: str, start: int) -> int:
    scalar = _SCALAR.match(text, start)
    if scalar:
        return scalar.end()
    closing: list[str] = []
    position = start
    while True:
        bracket = _TO_BRACKET.match(text, position)
        if bracket is None or (not closing and bracket.start(1) != start):
            raise NotJson(_instead(text, start if not closing else len(text)))
        position = bracket.end()
        if bracket[1] in _CLOSING:
            closing.append(_CLOSING[bracket[1]])
        elif not closing or closing.pop() != bracket[1]:
            raise NotJson(_instead(text, bracket.start(1)))
        if not closing:
            return position


def _skip_blanks(text: str, position: int) -> int:
    found = _NOT_BLANK.search(text, position)
    return found.start() if found else len(text)


def _after(text: str, end: int, closing: str) -> int:
    """Return where the comma or the closing bracket ends that has to follow a value."""
    position = _skip_blanks(text, end)
    if text[position : position + 1] not in {",", closing}:
        raise NotJson(_instead(text, position))
    return position + 1


def _next(text: str, position: int) -> str:
    position = _skip_blanks(text, position)
    return text[position : position + 1]


def _check_nothing_follows(text: str, position: int) -> None:
    rest = _next(text, position)
    if rest == "\0":
        msg = "a NUL follows the JSON"
        raise NotJson(msg)
    if rest:
        msg = "something follows the JSON, and a record is one object"
        raise NotJson(msg)


def _instead_of_a_name(text: str, position: int) -> str:
    match _next(text, position):
        case "'":
            return "single quotes, as Python writes a dict, where JSON has double ones"
        case "}":
            return "a comma before the closing brace"
        case letter if letter.isalpha() or letter in {"_", "$"}:
            return "a name without double quotes"
        case _:
            return _instead(text, position)


def _instead(text: str, position: int) -> str:
    match _next(text, position):
        case "":
            return "it ends in the middle"
        case "/" | "#":
            return "a comment, which JSON does not have"
        case "'":
            return "single quotes where JSON has double ones"
        case '"':
            return "a text that does not end, or a name without a colon"
        case _:
            return f"no JSON at character {position + 1}"


def _what(text: str) -> str:
    """Describe what is there instead of JSON, without quoting it."""
    if text.startswith('"'):
        return "text with an escape that JSON does not have"
    if text[0] in "+-.0123456789":
        return "a number that is not written as JSON writes it"
    return "a word without quotes, not JSON" if text[0] not in "{[" else "what is not JSON"


def _integer(digits: str) -> int | UnusableNumber:
    return int(digits) if len(digits) <= _MOST_DIGITS else TOO_LARGE


def _float(digits: str) -> float | UnusableNumber:
    number = float(digits)
    return number if math.isfinite(number) else TOO_LARGE


_decoder: Final = json.JSONDecoder(
    strict=False,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=lambda name: NAN if name == "NaN" else INFINITE,
)
