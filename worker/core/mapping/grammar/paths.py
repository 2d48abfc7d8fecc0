"""Parses paths: text to a ``Path``.

A path leads through the document by names, indexes, ``[*]`` and ``[key=value]``: ``items.0.id``,
``items[0].id``, ``items[*].id``, ``params[key=page].value``. A number is an index where the document holds an
array, and a name where it holds an object. A name with a dot, a bracket or a leading dollar sign needs double
quotes: ``context."app.name"``.

A path that begins with ``$`` leads elsewhere: to the record's key, headers, timestamp or position, to the
outermost document (``$record``), or to an element of the fan-out (``$each`` or the level's name, ``$index``).
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from worker.core.mapping.faults import unknown
from worker.core.mapping.grammar.nodes import (
    DOCUMENT,
    Base,
    ElementIndex,
    Every,
    Header,
    LevelElement,
    Match,
    Member,
    Name,
    OfRecord,
    Path,
    Step,
)

_STEP: Final = re.compile(
    r"""
      (?: ^ | (?<=.) [.] )  (?: "(?P<quoted>[^"]+)" | (?P<plain>[^."\[\]]+) )
    | (?<=.) \[ (?: (?P<index> [0-9]{1,9} )
                  | (?P<every> [*] )
                  | (?: "(?P<quoted_key>[^"]+)" | (?P<key>[^="\[\]]+) )
                    = (?: "(?P<quoted_text>(?:[^"]|"")*)" | (?P<text>[^"\]]+) ) ) \]
    """,
    re.VERBOSE,
)
# As in $.a, .a, ${a} and $a.
_OTHERS_BEGIN: Final = re.compile(r"^(?:\$\{|\$?\.|\$)")
_INDEX: Final = re.compile("[0-9]{1,9}")
_WORD: Final = re.compile(r"\$([^.\[]*)")
_HEADERS: Final = "$headers."
_RECORD: Final = "record"
EACH: Final = "each"
_INDEX_WORD: Final = "index"
_PARTS: Final = ("key", "timestamp", "topic", "partition", "offset")

RESERVED_NAMES: Final = (*_PARTS, "headers", _RECORD, EACH, _INDEX_WORD)
"""The words after ``$`` that no level of the fan-out can be called by."""


class Scope(Struct, frozen=True):
    """What the words after ``$`` can mean where a path stands."""

    levels: tuple[str, ...] = ()
    """The levels of the fan-out that are known there, the outermost first."""
    unwraps: bool = False
    """Whether the document there is not the outermost one."""


def parse_path(text: object, scope: Scope) -> Path:
    """Parse a path.

    Raises:
        ValueError: it is not one; the message says why.
    """
    if not isinstance(text, str):
        msg = "a path is text"
        raise ValueError(msg)  # noqa: TRY004  the operator's mistake, as all others here
    try:
        return _parse(text, scope)
    except ValueError as error:
        if meant := _meant(text, scope):
            msg = f"{error}; did you mean `{meant}`?"
            raise ValueError(msg) from None
        raise


def _meant(text: str, scope: Scope) -> str | None:
    """Return the path that is written here as JSONPath, jq or a template would have it."""
    bare = _OTHERS_BEGIN.sub("", text, count=1).removesuffix("}")
    meant = re.sub(r"\](?=[^.\[\]])", "].", bare.replace("[]", "[*]"))
    try:
        _parse(meant, scope)
    except ValueError:
        return None
    return None if meant == text else meant


def _parse(text: str, scope: Scope) -> Path:
    if not text.strip():
        msg = "an empty path"
        raise ValueError(msg)
    if text.startswith(_HEADERS) and text != _HEADERS:
        return Path(text, Header(text.removeprefix(_HEADERS)))
    if not text.isprintable() or "\\" in text:
        msg = "a path holds no control characters and no backslashes"
        raise ValueError(msg)
    if text.startswith("$"):
        return _parse_word(text, scope)
    # The first step can only be a name.
    return _within_document(text, _steps(text, 0), outermost=False)


def _parse_word(text: str, scope: Scope) -> Path:
    """Parse a path that begins with a word after ``$``."""
    found = _WORD.match(text)
    word = found[1] if found else ""
    if word == _RECORD:
        return _parse_outermost(text, scope)
    base = _base(word, scope)
    if base is None:
        raise ValueError(_unknown_word(text, word, scope))
    steps = tuple(_steps(text, len(word) + 1))
    if steps and isinstance(base, ElementIndex | OfRecord) and base != OfRecord("key"):
        msg = f"nothing is within `${word}`"
        raise ValueError(msg)
    return Path(text, base, steps, _level(base, scope))


def _parse_outermost(text: str, scope: Scope) -> Path:
    """Parse a path that begins at the outermost document, which is the document itself without ``unwrap``."""
    return _within_document(text, _steps(text, len(_RECORD) + 1), outermost=scope.unwraps)


def _within_document(text: str, steps: list[Step], *, outermost: bool) -> Path:
    if not steps or not isinstance(steps[0], Name):
        msg = f"`{text}` names no member of the record; say `$record.a`"
        raise ValueError(msg)
    return Path(text, Member(steps[0].name, outermost), tuple(steps[1:]))


def _base(word: str, scope: Scope) -> Base | None:
    if word in scope.levels:
        return LevelElement(scope.levels.index(word))
    if scope.levels and word == EACH:
        return LevelElement(len(scope.levels) - 1)
    if scope.levels and word == _INDEX_WORD:
        return ElementIndex()
    return next((OfRecord(part) for part in _PARTS if part == word), None)


def _level(base: Base, scope: Scope) -> int:
    match base:
        case LevelElement(level=level):
            return level
        case ElementIndex():
            return len(scope.levels) - 1
        case _:
            return DOCUMENT


def _unknown_word(text: str, word: str, scope: Scope) -> str:
    if word in (EACH, _INDEX_WORD):
        return f"`${word}` is of an element, and there is none here: that takes `each`"
    levels = (*scope.levels, EACH, _INDEX_WORD) if scope.levels else ()
    known = [f"${part}" for part in (*_PARTS, *levels)] + ["$headers.NAME", "$record.NAME"]
    return f'{unknown("place", text, known)}; a member called so needs quotes: `"${word}"`'


def _steps(text: str, end: int) -> list[Step]:
    steps: list[Step] = []
    while end < len(text):
        match = _STEP.match(text, end)
        if match is None:
            msg = (
                f"`{text}` is no path at character {end + 1}; "
                'say `a.b`, `a[0].b`, `a[*].b`, `a[key=value].b` or `a."b.c"`'
            )
            raise ValueError(msg)
        steps.append(_step(match))
        end = match.end()
    return steps


def _step(match: re.Match[str]) -> Step:
    quoted, plain, index = match.group("quoted", "plain", "index")
    if match["every"]:
        return Every()
    if key := match["quoted_key"] or match["key"]:
        text = match["text"]
        return Match(key, match["quoted_text"].replace('""', '"') if text is None else text)
    name = quoted or plain or index
    return Name(name, int(name) if quoted is None and _INDEX.fullmatch(name) else None)
