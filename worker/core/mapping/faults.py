"""Errors of the mapping: of a record (``Unmappable``) and of its configuration (``MappingError``)."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.model.records import Reason
from worker.formats import protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
)
"""Every ``Reason.kind`` of the mapping: few and fixed, because they label a metric."""


class Unmappable(Exception):  # noqa: N818  a state of the record, not an error of ours
    """The record is no interaction. Never leaves the mapping; it keeps the code for good records simple.

    Args:
        kind: one of ``KINDS``.
        text: names field, places and rule, never the value.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.reason = Reason(kind, text)


class Field(Struct, frozen=True):
    """A field as it is named in reasons."""

    name: str
    places: str
    need: str = ""
    """Why no event goes without it; empty for an optional field."""

    def broken(self, kind: str, rule: str) -> Unmappable:
        """Return the error for a value that breaks ``rule``."""
        return Unmappable(kind, f"{self.name} ({self.places}): {rule}")

    def missing(self) -> Unmappable:
        """Return the error for a required field without a value."""
        return Unmappable(MISSING, f"{self.name}: nothing at {self.places}; {self.need}")


class Mistake(Struct, frozen=True):
    """One mistake in a mapping; ``key`` is dotted, below ``record.mapping``."""

    key: str
    reason: str


class MappingError(ValueError):
    """The mapping cannot be used; holds every mistake, so that the operator can fix them all at once.

    Args:
        mistakes: at least one.
    """

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(f"{mistake.key}: {mistake.reason}" for mistake in mistakes))
        self.mistakes = tuple(mistakes)


def unknown(what: str, given: object, known: Iterable[str]) -> str:
    """Describe ``given`` as unknown, with the nearest known word, or else all of them."""
    words = list(known)
    near = get_close_matches(str(given), words, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(words)}"
    return f"unknown {what} `{given}`; {hint}"
