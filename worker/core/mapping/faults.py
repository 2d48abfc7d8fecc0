"""How a mapping fails: ``Unmappable`` and ``LeftOut`` for records, ``MappingError`` for the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.mapping.other_words import meant_by
from worker.core.model.records import Reason, Skipped, Undecodable
from worker.formats import protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.core.model.records import Record

MISSING: Final = "missing"
WRONG_TYPE: Final = protocol.WRONG_TYPE
EMPTY: Final = "empty"
TOO_LONG: Final = "too_long"
TOO_MANY: Final = "too_many"
TOO_LARGE: Final = "too_large"
OUT_OF_RANGE: Final = protocol.OUT_OF_RANGE
NOT_TEXT: Final = "not_text"
NOT_PRINTABLE: Final = "not_printable"
RESERVED_KEY: Final = "reserved_key"
RESERVED_VALUE: Final = "reserved_value"
UNLISTED: Final = "unlisted"

KINDS: Final = (
    *protocol.FORMAT_KINDS,
    MISSING,
    WRONG_TYPE,
    EMPTY,
    TOO_LONG,
    TOO_MANY,
    TOO_LARGE,
    OUT_OF_RANGE,
    NOT_TEXT,
    NOT_PRINTABLE,
    RESERVED_KEY,
    RESERVED_VALUE,
    UNLISTED,
)
"""Every ``Reason.kind`` of the mapping: few and fixed, for they label a metric."""


class Unmappable(Exception):  # noqa: N818  a state of the record, not an error of ours
    """The record is not an interaction. An exception keeps the code for good records free of checks.

    It never leaves the mapping. ``kind`` is one of ``KINDS``; ``text`` names field, places and rule, but
    never the value.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.reason = Reason(kind, text)


class LeftOut(Exception):  # noqa: N818  a state of the record, not an error of ours
    """The record is left out by a rule of the mapping. It never leaves the mapping either."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


STATES: Final = (Unmappable, LeftOut, protocol.FormatError)
"""What can end the mapping of a record, or of an element, before it is an interaction."""


def outcome_of(record: Record, state: Exception) -> Undecodable | Skipped:
    """What a record has become that is in one of these states."""
    match state:
        case LeftOut():
            return Skipped(record, state.rule)
        case Unmappable():
            return Undecodable(record, state.reason)
        case protocol.FormatError():
            return Undecodable(record, Reason(state.kind, state.text))
        case _:
            raise state


class Field(Struct, frozen=True):
    """A field as reasons name it."""

    name: str
    places: str
    need: str = ""
    """Why it is required; empty for an optional field."""

    def broken(self, kind: str, rule: str) -> Unmappable:
        """The reason for a value that breaks ``rule``."""
        return Unmappable(kind, f"{self.name} ({self.places}): {rule}")

    def missing(self) -> Unmappable:
        """The reason for a value that is absent."""
        return Unmappable(MISSING, f"{self.name}: nothing at {self.places}; {self.need}")


class Mistake(Struct, frozen=True):
    """One mistake in a mapping; ``key`` is dotted, relative to ``record.mapping``."""

    key: str
    reason: str


class MappingError(ValueError):
    """The mapping cannot be used. It holds all mistakes, at least one, so that they can be fixed together."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(f"{mistake.key}: {mistake.reason}" for mistake in mistakes))
        self.mistakes = tuple(mistakes)


def unknown(what: str, given: object, known: Iterable[str]) -> str:
    """The message that ``given`` is unknown, with the nearest known word, or else with all of them."""
    from difflib import get_close_matches  # noqa: PLC0415  only a mistake needs it

    words = list(known)
    meant = meant_by(given, words) or next(iter(get_close_matches(str(given), words, n=1)), None)
    hint = f"did you mean `{meant}`?" if meant else f"known: {', '.join(words)}"
    return f"unknown {what} `{given}`; {hint}"
