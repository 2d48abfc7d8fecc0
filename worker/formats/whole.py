"""Decodes records as a whole, to be shown or searched for fields; a mapping decodes only what it needs.

A decoder returns the members that it is asked for. So the names of all members are found out first: from the
schema, from the columns, or from the value itself. JSON is decoded without asking.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import msgspec

from worker.formats import FORMATS, WITH_COLUMNS
from worker.formats.avro.schema import compile_codec
from worker.formats.framed import framed, read_frame
from worker.formats.json.whole import decode_whole
from worker.formats.protocol import Document, DocumentType, LazyValue, NeedsSchema
from worker.formats.schemas import Schema, SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.formats import FormatOptions
    from worker.formats.protocol import Decoder

    Headers: TypeAlias = Mapping[str, bytes | None]
    DecodeWhole: TypeAlias = Callable[[bytes, Headers], dict[str, object] | NeedsSchema | None]
    Names: TypeAlias = Callable[[bytes], tuple[str, ...]]
    """Returns the names of the members of a value, or more."""

_FRAMED: Final = frozenset({"json_schema", "avro", "protobuf"})


def compile_decode_whole(record_format: str, options: FormatOptions) -> DecodeWhole:
    """Compile the function that decodes a value, given its record's headers, as a whole.

    It returns None for the format's null, and NeedsSchema if its schema is not known yet. It raises
    FormatError and RecursionError as a decoder does.
    """
    is_framed = record_format in _FRAMED and options.schema is None
    decode = _compile_json(record_format) or _compile_by_names(record_format, options)
    if not is_framed:
        return lambda value, _: decode(value)
    return lambda value, headers: decode(framed(value, headers))


def _compile_json(record_format: str) -> Callable[[bytes], dict[str, object] | NeedsSchema | None] | None:
    match record_format:
        case "json":
            return decode_whole
        case "json_schema":
            return lambda value: decode_whole(value[read_frame(value)[1] :])
        case _:
            return None


def _compile_by_names(
    record_format: str, options: FormatOptions
) -> Callable[[bytes], dict[str, object] | NeedsSchema | None]:
    names_of = _names(record_format, options)
    make_format = FORMATS[record_format](options)

    @cache
    def decoder(names: tuple[str, ...]) -> tuple[Decoder[NeedsSchema], DocumentType]:
        document = _document_type(names)
        return make_format(document), document

    def decode(value: bytes) -> dict[str, object] | NeedsSchema | None:
        try:
            names = names_of(value)
        except (SchemaError, msgspec.MsgspecError):
            # Whatever is wrong with the value, the decoder has the words for it.
            names = ()
        compiled, document = decoder(names)
        found = compiled.decode_unusual(value)
        if not isinstance(found, Document):
            return found
        members = {name: _read(getattr(found, slot)) for name, slot in document.attributes.items()}
        return {name: member for name, member in members.items() if member is not None}

    return decode


def _document_type(names: tuple[str, ...]) -> DocumentType:
    slots = {name: f"member_{number}" for number, name in enumerate(names)}
    struct = msgspec.defstruct(
        "WholeDocument",
        [(slot, Any, None) for slot in slots.values()],
        rename={slot: name for name, slot in slots.items()},
        bases=(Document,),
        gc=False,
    )
    return DocumentType(cast("type[Document]", struct), slots, frozenset(names))


def _read(value: object) -> object:
    return value.read() if isinstance(value, LazyValue) else value


def _names(record_format: str, options: FormatOptions) -> Names:
    if record_format in WITH_COLUMNS:
        return lambda _: options.columns
    if record_format == "msgpack":
        return _names_of_map
    of_schema = _avro_names if record_format == "avro" else _protobuf_names
    if options.schema is not None:
        names = of_schema(options.schema, options.message)
        return lambda _: names

    def names_of_registered(value: bytes) -> tuple[str, ...]:
        schema = options.schemas.get(read_frame(value)[0])
        # If it is not known, the decoder says so.
        return of_schema(schema, None) if isinstance(schema, Schema) else ()

    return names_of_registered


def _names_of_map(value: bytes) -> tuple[str, ...]:
    found = msgspec.msgpack.decode(value)
    return tuple(name for name in found if isinstance(name, str)) if isinstance(found, dict) else ()


@cache
def _avro_names(schema: Schema | bytes, _message: str | None) -> tuple[str, ...]:
    codec = compile_codec(schema if isinstance(schema, Schema) else Schema("AVRO", schema.decode()))
    # The top may be a union of a record and null.
    records = [each.fields for each in (codec, *codec.branches) if each.fields is not None]
    return tuple(dict.fromkeys(name for fields in records for name, _ in fields))


@cache
def _protobuf_names(schema: Schema | bytes, message: str | None) -> tuple[str, ...]:
    """Return the fields of the message, or of every message of a registered schema."""
    from worker.formats.protobuf.descriptors import message_by_name, messages_of_schema  # noqa: PLC0415  as above

    if not isinstance(schema, Schema):
        return tuple(message_by_name(schema, message or "").DESCRIPTOR.fields_by_name)
    messages = messages_of_schema(schema).message_types_by_name.values()
    return tuple(dict.fromkeys(name for each in messages for name in each.fields_by_name))
