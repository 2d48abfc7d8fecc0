"""The contract between the formats, which decode records, and the mapping, which selects from them.

A document is an instance of a struct type that the mapping makes. It has one attribute for each member of the
record's top object with which a path begins, and no other member is needed. A decoder may decode straight
into that type, as msgspec does for JSON, or decode everything and fill it in.

Its values are those of JSON: None, bool, int, float, str, list, and dict with names for keys. A date is text
or an integer, a decimal number is text, and bytes are bytes, which no field accepts. There are two more kinds
of value. A ``LazyValue`` is not decoded yet. An ``UnusableNumber`` is written as a number, but no field can
accept it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar, final

from msgspec import Struct

NOT_JSON: Final = "not_json"
NOT_AN_OBJECT: Final = "not_an_object"
WRONG_TYPE: Final = "wrong_type"
OUT_OF_RANGE: Final = "out_of_range"

FORMAT_KINDS: Final = (NOT_JSON, NOT_AN_OBJECT)
"""Every kind of a FormatError: few and fixed, because they label a metric."""


class FormatError(Exception):
    """The value, or a part to which a path leads, cannot be decoded.

    ``kind`` is one of ``FORMAT_KINDS``. ``text`` says what is there instead, never the value.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


@final
class NeedsSchema(Struct, frozen=True):
    """Requests a schema instead of returning a document: fetch it by this id, then decode the value again.

    A registry is I/O, so a decoder never fetches a schema itself.
    """

    id: int


class LazyValue:
    """A value that is not decoded yet, because a strict decoder refuses something in it or around it."""

    __slots__ = ()

    def parts(self) -> dict[str, LazyValue] | list[LazyValue] | None:
        """Return the members of an object or the elements of an array; None if it is neither.

        Raises:
            FormatError: it cannot be taken apart.
        """
        raise NotImplementedError

    def read(self) -> object:
        """Decode all of it.

        Raises:
            FormatError: it cannot be decoded.
            RecursionError: it is nested too deeply.
        """
        raise NotImplementedError


class UnusableNumber:
    """Something written as a number that no field can accept; holds why not, in the words of reasons."""

    __slots__ = ("kind", "rule")

    def __init__(self, kind: str, rule: str) -> None:
        self.kind = kind
        self.rule = rule


NAN: Final = UnusableNumber(WRONG_TYPE, "NaN is no number")
INFINITE: Final = UnusableNumber(OUT_OF_RANGE, "Infinity is no finite number")
TOO_LARGE: Final = UnusableNumber(OUT_OF_RANGE, "a number too large to read")


class Document(Struct, gc=False):
    """The result of a decoder; the mapping derives a type from it that has the attributes."""


class DocumentType(NamedTuple):
    """The type of document that a decoder fills, as the mapping's paths need it."""

    struct: type[Document]
    """All of its attributes are optional. For msgspec they have the members' own names."""
    attributes: dict[str, str]
    """Each member of the top object that is needed, and its attribute."""
    whole: frozenset[str]
    """Members that a field takes as they are; paths continue into all others, so those may be lazy."""


NeedsT_co = TypeVar("NeedsT_co", bound=NeedsSchema, covariant=True)
"""NeedsSchema for a format with schemas, Never for one without, so mypy knows where it must be handled."""


class Decoder(NamedTuple, Generic[NeedsT_co]):
    """What a format compiles for one type of document: a quick path, and a path that handles everything.

    The quick path is taken for every record, so it is one call that returns a document and nothing else. It
    raises for whatever it cannot decode, for any reason; then the second path is taken.
    """

    decode: Callable[[bytes], Document]
    """Raises one of ``refusals``."""
    refusals: tuple[type[Exception], ...]
    decode_unusual: Callable[[bytes], Document | NeedsT_co | None]
    """None for the format's null, which is a tombstone. Raises FormatError, RecursionError."""
    may_hold_control_characters: Callable[[bytes], bool]
    """False only if no text of the document can hold a control character or half a surrogate pair.

    This is asked about documents from the quick path; the ids of the others are always checked closely.
    """


Format: TypeAlias = Callable[[DocumentType], Decoder[NeedsT_co]]
