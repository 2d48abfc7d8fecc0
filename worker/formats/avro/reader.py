"""Decodes Avro into the mapping's document, through fastavro."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from worker.formats.avro.schema import prepare
from worker.formats.framed import compile_framed
from worker.formats.protocol import MALFORMED, NOT_AN_OBJECT, Decoder, FormatError
from worker.formats.schemas import Schema
from worker.formats.signatures import describe_signature

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Never

    from worker.formats.avro.schema import PreparedSchema
    from worker.formats.framed import Read
    from worker.formats.protocol import Document, DocumentType, Format, NeedsSchema
    from worker.formats.schemas import Schemas

KIND: Final = "AVRO"
REFUSALS: Final = (
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    RecursionError,
    StopIteration,
)
# A schema with so many times the fields that are needed is read faster by leaving the others out.
_WIDE: Final = 4


def registry_avro(schemas: Schemas) -> Format[NeedsSchema]:
    """Return the format of Avro with a registry's frame."""
    return compile_framed(KIND, compile_read, REFUSALS, schemas)


def plain_avro(schema_text: str) -> Format[Never]:
    """Return the format of Avro without a frame, all of it written with this schema.

    Raises:
        SchemaError: it is not an Avro schema, or one of those that are refused.
    """
    schema = Schema(KIND, schema_text)
    prepare(schema)

    def compile_decoder(document: DocumentType) -> Decoder[Never]:
        read = compile_read(schema, document)

        def decode(value: bytes) -> Document:
            decoded = read(value, 0)
            if decoded is None:
                raise LookupError
            return decoded

        def decode_unusual(value: bytes) -> Document | None:
            try:
                return read(value, 0)
            except REFUSALS:
                what = describe_signature(value)
                text = "the value does not fit record.schema_file" + (f": it may be {what}" if what else "")
                raise FormatError(MALFORMED, text) from None

        return Decoder(decode, (FormatError, *REFUSALS), decode_unusual, lambda _: True)

    return compile_decoder


def compile_read(schema: Schema, document: DocumentType) -> Read:
    """Compile what decodes the values of one schema.

    Raises:
        SchemaError: it is not an Avro schema, or one of those that are refused.
    """
    prepared = prepare(schema)
    read, wanted = _reader(prepared), _projection(prepared, document)
    members, make = tuple(document.attributes), document.struct

    def decode(value: bytes, start: int) -> Document | None:
        stream = BytesIO(value)
        stream.seek(start)
        found = read(stream, prepared.schema, wanted)
        if stream.tell() != len(value):
            raise FormatError(MALFORMED, "more bytes follow than the schema describes")
        if found is None:
            return None
        if type(found) is not dict:
            raise FormatError(NOT_AN_OBJECT, "the value is Avro, but not a record")
        values = map(found.get, members)
        return make(*map(_as_json, values)) if prepared.is_converted else make(*values)

    return decode


def _reader(prepared: PreparedSchema) -> Callable[[BytesIO, Any, Any], Any]:
    # Of an extra, and 30 ms to import.
    if prepared.is_recursive:
        from fastavro._read_py import schemaless_reader  # noqa: PLC0415  the C code has no limit of depth
    else:
        from fastavro import schemaless_reader  # noqa: PLC0415
    return schemaless_reader


def _projection(prepared: PreparedSchema, document: DocumentType) -> object:
    """The part of a wide schema that is needed, or else None: then all of it is read."""
    needed = document.attributes.keys() & set(prepared.fields)
    if not needed or len(prepared.fields) < _WIDE * len(needed):
        return None
    from fastavro.schema import SchemaParseException, UnknownType, parse_schema  # noqa: PLC0415  as above

    schema: Any = prepared.schema
    fields = [field for field in schema["fields"] if field["name"] in needed]
    try:
        return parse_schema({"type": "record", "name": schema["name"], "fields": fields})
    except (SchemaParseException, UnknownType):
        return None  # It needs a type whose definition stands in a field that is left out.


def _as_json(value: object) -> object:
    """The value as the mapping takes it: as text where JSON has no such type."""
    match value:
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
        case dict():
            return {key: _as_json(each) for key, each in value.items()}
        case list():
            return [_as_json(each) for each in value]
        case _:
            return value
