"""The frame of a schema registry: which schema a value was written with stands before it.

The frame is a byte 0 and the schema's number in four bytes, or a byte 1 and the schema's GUID in sixteen.
Newer producers write the same into the header ``__value_schema_id``, and leave the value bare. What it holds
is put before the value again (``framed``), so that a decoder sees one form only.

Source: Confluent's wire format; ``confluent_kafka.schema_registry`` of 2.16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from worker.formats.protocol import (
    BAD_SCHEMA,
    MALFORMED,
    NO_SCHEMA_ID,
    UNKNOWN_SCHEMA,
    Decoder,
    FormatError,
    NeedsSchema,
)
from worker.formats.schemas import Schema, SchemaError, Unknown
from worker.formats.signatures import describe_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from worker.formats.protocol import Document, DocumentType, Format
    from worker.formats.schemas import SchemaId, Schemas

    Read: TypeAlias = Callable[[bytes, int], Document | None]
    """Decodes a value from an index on, behind the frame; None for the format's null.

    Raises one of the format's refusals, or FormatError where it knows more.
    """
    CompileRead: TypeAlias = Callable[[Schema, DocumentType], Read]
    """Compiles it for one schema; raises SchemaError."""

# A reader that is dropped is compiled again if a record needs it.
_MOST_READERS: Final = 1000
SCHEMA_ID_HEADER: Final = "__value_schema_id"
_NUMBER: Final = 0
_GUID: Final = 1
# With the byte that says which it is.
_LENGTHS: Final[Mapping[int, int]] = {_NUMBER: 5, _GUID: 17}


def compile_framed(
    kind: str, compile_read: CompileRead, refusals: tuple[type[Exception], ...], schemas: Schemas
) -> Format[NeedsSchema]:
    """Return the format of values that name their schema.

    Args:
        kind: the kind of schema that the format reads.
        compile_read: compiles what decodes the values of one schema.
        refusals: what that raises for values that do not fit their schema.
        schemas: the schemas that are known.
    """

    def compile_decoder(document: DocumentType) -> Decoder[NeedsSchema]:
        readers = _Readers(kind, lambda schema: compile_read(schema, document), schemas)
        by_frame = readers.by_frame

        def decode(value: bytes) -> Document:
            end = 5 if value[0] == _NUMBER else 17
            decoded = by_frame[value[:end]](value, end)
            if decoded is None:
                raise LookupError
            return decoded

        def decode_unusual(value: bytes) -> Document | NeedsSchema | None:
            schema_id, end = read_frame(value)
            read = readers.find(value[:end], schema_id)
            if isinstance(read, NeedsSchema):
                return read
            try:
                return read(value, end)
            except refusals as error:
                text = f"the value does not fit schema {schema_id}: {_what(error)}"
                raise FormatError(MALFORMED, text) from None

        unusual = (LookupError, FormatError, *refusals)
        return Decoder(decode, unusual, decode_unusual, lambda _: True, framed=True)

    return compile_decoder


class _Readers:
    """What decodes the values of each schema met so far, by the frame that names it."""

    def __init__(self, kind: str, compile_read: Callable[[Schema], Read], schemas: Schemas) -> None:
        self.by_frame: dict[bytes, Read] = {}
        self._kind = kind
        self._compile = compile_read
        self._schemas = schemas

    def find(self, frame: bytes, schema_id: SchemaId) -> Read | NeedsSchema:
        """Return what reads the values of a schema; compiled at the first of them.

        Raises:
            FormatError: there is no such schema, or nobody can decode by it.
        """
        read = self.by_frame.get(frame)
        if read is not None:
            return read
        match self._schemas.get(schema_id):
            case None:
                return NeedsSchema(schema_id)
            case Unknown():
                raise FormatError(UNKNOWN_SCHEMA, f"the registry has no schema {schema_id}")
            case Schema(kind=kind) if kind != self._kind:
                text = f"schema {schema_id} is {kind}, but record.format says {self._kind}"
                raise FormatError(BAD_SCHEMA, text)
            case Schema() as schema:
                try:
                    read = self._compile(schema)
                except SchemaError as error:
                    raise FormatError(BAD_SCHEMA, f"schema {schema_id}: {error}") from None
                if len(self.by_frame) >= _MOST_READERS:
                    del self.by_frame[next(iter(self.by_frame))]
                self.by_frame[frame] = read
                return read


def read_frame(value: bytes) -> tuple[SchemaId, int]:
    """Return the schema's id, and where the frame ends.

    Raises:
        FormatError: there is no frame.
    """
    end = _LENGTHS.get(value[0], 0) if value else 0
    if not end or len(value) < end:
        raise FormatError(NO_SCHEMA_ID, f"no schema id before the value: {_instead(value)}")
    if value[0] == _NUMBER:
        return int.from_bytes(value[1:end], "big"), end
    return str(UUID(bytes=value[1:end])), end


def framed(value: bytes, headers: Mapping[str, bytes | None]) -> bytes:
    """Return the value with its frame before it, also if that stands in a header."""
    frame = headers.get(SCHEMA_ID_HEADER)
    return frame + value if frame else value


def _instead(value: bytes) -> str:
    if not value:
        return "it is empty"
    if value[:1] in b'{["':
        return "it looks like plain JSON"
    what = describe_signature(value)
    return f"it is {what}" if what and value[0] != _NUMBER else "it begins with another byte, or is too short"


def _what(error: Exception) -> str:
    """Describe the mistake without the value that a library may quote."""
    match error:
        case EOFError() | IndexError():
            return "it ends too early, or a length in it is wrong"
        case UnicodeError():
            return "a text in it is not UTF-8"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return "its bytes make no sense"
