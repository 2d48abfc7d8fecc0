"""Decodes Avro into the mapping's document: what no path begins with is skipped, and made no value of."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from worker.formats.avro.codecs import read_branch
from worker.formats.avro.schema import compile_codec
from worker.formats.framed import compile_framed
from worker.formats.protocol import MALFORMED, NOT_AN_OBJECT, Decoder, FormatError
from worker.formats.schemas import Schema
from worker.formats.signatures import describe_signature

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Never

    from worker.formats.avro.codecs import Codec
    from worker.formats.avro.codecs import Read as ReadValue
    from worker.formats.framed import Read
    from worker.formats.protocol import Document, DocumentType, Format, NeedsSchema
    from worker.formats.schemas import Schemas

KIND: Final = "AVRO"
REFUSALS: Final = (LookupError, ValueError, OverflowError, RecursionError, struct.error)


def registry_avro(schemas: Schemas) -> Format[NeedsSchema]:
    """Return the format of Avro with a registry's frame."""
    return compile_framed(KIND, compile_read, REFUSALS, schemas)


def plain_avro(schema_text: str) -> Format[Never]:
    """Return the format of Avro without a frame, all of it written with this schema.

    Raises:
        SchemaError: it is not an Avro schema, or one of those that are refused.
    """
    schema = Schema(KIND, schema_text)
    compile_codec(schema)

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
    strict = _compile_top(compile_codec(schema), document)
    lenient = _compile_top(compile_codec(schema, "surrogateescape"), document)

    def decode(value: bytes, start: int) -> Document | None:
        try:
            found, end = strict(value, start)
        except UnicodeDecodeError:
            # The fields that hold it are refused, if any does.
            found, end = lenient(value, start)
        if end != len(value):
            if end > len(value):
                raise LookupError
            raise FormatError(MALFORMED, "more bytes follow than the schema describes")
        if found is not None and type(found) is not made:
            raise FormatError(NOT_AN_OBJECT, "the value is Avro, but not a record")
        return found

    made = document.struct
    return decode


def _compile_top(codec: Codec, document: DocumentType) -> ReadValue:
    """What reads a value whose record becomes the document, also if that is a branch of a union."""
    if codec.branches:
        return read_branch([_compile_top(each, document) for each in codec.branches])
    return codec.read if codec.fields is None else _compile_record(codec.fields, document)


def _compile_record(fields: tuple[tuple[str, Codec], ...], document: DocumentType) -> ReadValue:
    """Compile the reader of the top record into one function, a line for each field.

    A loop over the fields takes nearly twice as long. Only numbers go into the code, and nothing of a schema.
    """
    needed = {name: number for number, (name, _) in enumerate(fields) if name in document.attributes}
    names: dict[str, Any] = {"make": document.struct}
    lines = ["def read(data, at):"]
    for number, (name, codec) in enumerate(fields):
        if needed.get(name) == number:
            names[f"read_{number}"] = codec.read
            lines.append(f"    value_{number}, at = read_{number}(data, at)")
        else:
            names[f"skip_{number}"] = codec.skip
            lines.append(f"    at = skip_{number}(data, at)")
    values = [f"value_{needed[name]}" if name in needed else "None" for name in document.attributes]
    lines.append(f"    return make({', '.join(values)}), at")
    exec("\n".join(lines), names)  # noqa: S102  as said above
    read: Callable[[bytes, int], tuple[object, int]] = names["read"]
    return read
