"""What a mapping says, parsed: frozen nodes, in which every name is resolved.

A *source* is where a value comes from: a path, or something made of several. Its ``level`` says of what it
is: ``DOCUMENT``, or the innermost level of the fan-out that it depends on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from msgspec import Struct

from worker.core.mapping.times import AUTO

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCUMENT: Final = -1
"""The ``level`` of what is the same for all elements of a record."""


class Name(Struct, frozen=True):
    """The member of that name, or the element with that index if the document holds an array there."""

    name: str
    index: int | None = None


class Every(Struct, frozen=True):
    """Every element of an array, or every value of an object."""


class Match(Struct, frozen=True):
    """The first element, or value of an object, whose member ``key`` is a scalar with this text."""

    key: str
    text: str


Step: TypeAlias = Name | Every | Match


class Member(Struct, frozen=True):
    """A member of the document, or of the outermost one, which differ after ``unwrap``."""

    name: str
    outermost: bool = False


class Header(Struct, frozen=True):
    """The last header of that name, as text."""

    name: str


class OfRecord(Struct, frozen=True):
    """What every record has besides its value."""

    part: Literal["key", "timestamp", "topic", "partition", "offset"]


class LevelElement(Struct, frozen=True):
    """The element of a level, counted from 0, the outermost."""

    level: int


class ElementIndex(Struct, frozen=True):
    """The index of the element in its record, from 0."""


Base: TypeAlias = Member | Header | OfRecord | LevelElement | ElementIndex


class Path(Struct, frozen=True):
    """A place: where it begins, and the steps from there."""

    text: str
    base: Base
    steps: tuple[Step, ...] = ()
    level: int = DOCUMENT

    def described(self) -> str:
        """The source as reasons name it."""
        return f"`{self.text}`"


class Join(Struct, frozen=True):
    """The texts of all parts, if all are present, with a separator between."""

    parts: tuple[Source, ...]
    separator: str

    @property
    def level(self) -> int:
        """The innermost level of its parts."""
        return _innermost(self.parts)

    def described(self) -> str:
        """The source as reasons name it."""
        return " joined with ".join(part.described() for part in self.parts)


class JmesPath(Struct, frozen=True):
    """The result of a JMESPath expression, evaluated on an object of the members that it names."""

    text: str
    members: tuple[Member, ...]
    level: int = DOCUMENT

    def described(self) -> str:
        """The source as reasons name it."""
        return f"the JMESPath `{self.text}`"


class MadeObject(Struct, frozen=True):
    """An object with members under new names; the absent ones are left out."""

    members: tuple[tuple[str, tuple[Source, ...]], ...]

    @property
    def level(self) -> int:
        """The innermost level of its members."""
        return max((_innermost(sources) for _, sources in self.members), default=DOCUMENT)

    def described(self) -> str:
        """The source as reasons name it."""
        return "an object of " + ", ".join(f"`{name}`" for name, _ in self.members)


Source: TypeAlias = Path | Join | JmesPath | MadeObject


class FieldSpec(Struct, frozen=True):
    """Where one field comes from: its constant, else the first of its sources that is present."""

    sources: tuple[Source, ...] = ()
    constant: object = None
    unit: str = AUTO
    pattern: str | None = None
    """How a time is written, as ``strptime`` takes it; None: by ``unit``."""
    absent: frozenset[str] = frozenset()
    """The texts of scalars that count as absent in this field."""
    values: Mapping[str, object] | None = None
    """The value to put in the place of a scalar with that text; None: all stay as they are."""
    otherwise: Literal["refuse", "keep", "drop"] = "refuse"
    """What becomes of a value that is not among ``values``."""
    decimal: Literal[".", ","] = "."
    """What stands before the fraction of a number that is written as text."""
    split: str | None = None
    """What stands between the items of a list that is written as text; None: it is JSON."""
    too_long: Literal["refuse", "leave_out"] = "refuse"

    @property
    def level(self) -> int:
        """The innermost level of its sources."""
        return _innermost(self.sources)

    def described(self) -> str:
        """The sources as reasons name them."""
        return " or ".join(source.described() for source in self.sources) or "a constant"


class Level(Struct, frozen=True):
    """One level of the fan-out; the path of an inner one begins at the element of the one before."""

    name: str
    path: Path


class Rule(Struct, frozen=True):
    """A rule of ``keep`` or ``drop``."""

    name: str
    """By which what it leaves out is counted."""
    keeps: bool
    """Whether what fulfils it stays, or goes."""
    sources: tuple[Source, ...]
    op: str
    operand: object

    @property
    def level(self) -> int:
        """The innermost level of its sources."""
        return _innermost(self.sources)


class MappingSpec(Struct, frozen=True):
    """All of ``record.mapping``."""

    fields: Mapping[str, FieldSpec]
    """In the order of the operation's table."""
    unwrap: tuple[Path, ...] = ()
    levels: tuple[Level, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def changes_documents(self) -> bool:
        """Whether a document is more than what was decoded."""
        return bool(self.unwrap or self.levels)


def _innermost(sources: tuple[Source, ...]) -> int:
    return max((source.level for source in sources), default=DOCUMENT)
