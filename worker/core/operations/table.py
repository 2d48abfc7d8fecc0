"""The terms that describe an operation of the API: its fields, their types and limits, its calls.

A table is data. The mapping reads it once, at start, and compiles from it the functions that read, cast,
check and encode. So a further operation is a further table, not a second mapping.

Lengths are in characters (Unicode code points), sizes in bytes of UTF-8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Id(Struct, frozen=True):
    """Text or an integer; a placeholder such as ``undefined`` counts as absent."""

    max_characters: int
    reserved: frozenset[str] = frozenset()
    """Ids to which the API gives a special meaning; they count as absent too."""


class Time(Struct, frozen=True):
    """A moment, as whole epoch seconds."""


class Number(Struct, frozen=True):
    """A finite number, or the text of one."""

    max_magnitude: float


class JsonObject(Struct, frozen=True):
    """An object, which the API takes as JSON text."""

    max_characters: int
    """The limit on the JSON text."""
    reserved_keys: Mapping[str, str]
    """Keys that it must not hold, in any case: the lower-case form, and the API's spelling."""


class IdList(Struct, frozen=True):
    """A list of ids."""

    max_items: int
    item: Id


class PrintableAscii(Struct, frozen=True):
    """Printable ASCII, and not only spaces."""

    max_characters: int


FieldType: TypeAlias = Id | Time | Number | JsonObject | IdList | PrintableAscii


class OperationField(Struct, frozen=True):
    """One row of the table."""

    name: str
    """Its name in the configuration; a Python identifier."""
    api_name: str
    """Its name in the API; ``outer.inner`` for a member of a nested structure."""
    type: FieldType
    default_paths: tuple[str, ...]
    """Where it is looked for unless the mapping says otherwise."""
    required: str = ""
    """Why no entry goes without it; empty for an optional field."""
    unique: bool = False
    """It identifies the entry: never a constant. If a record has none, one is derived from its position."""
    of_call: bool = False
    """It belongs to the call: only entries that share it go into one call."""


class Operation(Struct, frozen=True):
    """The table of one operation.

    An *entry* is one of the things that a call sends: an event, a user, an item.
    """

    name: str
    fields: tuple[OperationField, ...]
    """In the order in which they are read, checked and encoded."""
    max_entries: int
    """The maximum number of entries in one call."""
    max_entry_bytes: int
    """The maximum size of one entry as JSON."""
    ordered_by: str
    """The field within whose values entries are sent in the order of their records."""
