"""The contract between a format, which decodes records, and the mapping, which selects from documents.

A document is an instance of a struct type that the mapping makes. The type has one attribute for each member
of the record's top object that a path begins with; no other member is needed. A decoder may decode straight
into that type, as msgspec does for JSON, or decode everything and then fill it in.

The values of a document are those of JSON: None, bool, int, float, str, list, and dict with text for keys. A
decoder gives a date as text or as an integer, a decimal number as text, and bytes as bytes, which no field
accepts. There are two more kinds of value: a ``LazyValue`` is not decoded yet, and an ``UnusableNumber`` is
written as a number, but not one that a field accepts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar, final

from msgspec import Struct

NOT_JSON: Final = "not_json"
NOT_AN_OBJECT: Final = "not_an_object"
MALFORMED: Final = "malformed"
"""The bytes are not what the format, or the record's schema, says."""
NO_SCHEMA_ID: Final = "no_schema_id"
UNKNOWN_SCHEMA: Final = "unknown_schema"
"""The registry says that it has no schema of the record's id."""
BAD_SCHEMA: Final = "bad_schema"
"""The registry has the schema, but nobody can decode by it."""
WRONG_TYPE: Final = "wrong_type"
OUT_OF_RANGE: Final = "out_of_range"

FORMAT_KINDS: Final = (NOT_JSON, NOT_AN_OBJECT, MALFORMED, NO_SCHEMA_ID, UNKNOWN_SCHEMA, BAD_SCHEMA)
"""Every kind of a FormatError: few and fixed, for they label a metric."""


class FormatError(Exception):
    """The record's value, or a part of it that a path leads to, cannot be decoded.

    ``kind`` is one of ``FORMAT_KINDS``. ``text`` describes what stands there instead, and never quotes it.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


@final
class NeedsSchema(Struct, frozen=True):
    """An answer instead of a document: fetch the schema with this id first, then decode the value again.

    A registry is I/O, so a decoder never fetches a schema itself.
    """

    id: int | str
    """A number in Confluent's registry, a UUID in that of AWS Glue."""


class LazyValue:
    """A value that is not decoded yet, because a strict decoder refuses something in it or around it."""

    __slots__ = ()

    def parts(self) -> dict[str, LazyValue] | list[LazyValue] | None:
        """The members of an object or the elements of an array; None if it is neither.

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
    """A number that no field accepts, with the ``kind`` and the ``rule`` for the reason."""

    __slots__ = ("kind", "rule")

    def __init__(self, kind: str, rule: str) -> None:
        self.kind = kind
        self.rule = rule


NAN: Final = UnusableNumber(WRONG_TYPE, "NaN is no number")
INFINITE: Final = UnusableNumber(OUT_OF_RANGE, "Infinity is no finite number")
TOO_LARGE: Final = UnusableNumber(OUT_OF_RANGE, "a number too large to read")


class Document(Struct, gc=False):
    """What a decoder returns. The mapping derives a type from it that has the attributes."""


class DocumentType(NamedTuple):
    """The type of the documents that a decoder returns, made for the paths of one mapping."""

    struct: type[Document]
    """All attributes are optional. Their encoded names, for msgspec, are the names of the members."""
    attributes: dict[str, str]
    """The members of the top object that are needed, and the attribute for each."""
    whole: frozenset[str]
    """Members that a field takes as they are. Paths lead on into all others, so those may be lazy."""


NeedsT_co = TypeVar("NeedsT_co", bound=NeedsSchema, covariant=True)
"""NeedsSchema for a format with schemas, Never for one without: so mypy knows where it must be handled."""


class Decoder(NamedTuple, Generic[NeedsT_co]):
    """What a format compiles for one type of document: a fast path, and a slow path with every answer.

    Each record takes the fast path first. It is one call that returns a document and nothing else, and raises
    if it cannot, for whatever reason. Then the record takes the slow path.
    """

    decode: Callable[[bytes], Document]
    """The fast path. Raises one of ``refusals``."""
    refusals: tuple[type[Exception], ...]
    decode_unusual: Callable[[bytes], Document | NeedsT_co | None]
    """The slow path. None for the format's null, which is a tombstone. Raises FormatError, RecursionError."""
    may_hold_control_characters: Callable[[bytes], bool]
    """Asked after the fast path: False only if no id can hold a control character or half a surrogate pair.

    JSON within text may hold them as escapes, so a backslash counts. To return True always is correct, and
    slower: the mapping then checks the ids. After the slow path it always does.
    """
    framed: bool = False
    """Whether the decoder reads a schema registry's frame, which may stand in a header (``framed.py``)."""


Format: TypeAlias = Callable[[DocumentType], Decoder[NeedsT_co]]
