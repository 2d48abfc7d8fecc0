"""Decodes Protobuf into the mapping's document, through Google's own library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError

from worker.formats.framed import compile_framed
from worker.formats.protobuf.descriptors import message_by_index, message_by_name, messages_of_schema
from worker.formats.protobuf.values import compile_get
from worker.formats.protocol import MALFORMED, Decoder, FormatError
from worker.formats.schemas import SchemaError
from worker.formats.signatures import describe_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Never

    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from worker.formats.framed import Read
    from worker.formats.protocol import Document, DocumentType, Format, NeedsSchema
    from worker.formats.schemas import Schema, Schemas

KIND: Final = "PROTOBUF"
REFUSALS: Final = (DecodeError, LookupError, RecursionError)
# A message type within a type within a type: each level is a number of the frame.
_LONGEST_INDEX: Final = 50
_MOST_BITS: Final = 35


def registry_protobuf(schemas: Schemas) -> Format[NeedsSchema]:
    """Return the format of Protobuf with a registry's frame."""
    return compile_framed(KIND, _compile_read, REFUSALS, schemas)


def plain_protobuf(descriptors: bytes, message: str) -> Format[Never]:
    """Return the format of Protobuf without a frame, all of it messages of this type.

    Raises:
        SchemaError: ``descriptors`` is not a FileDescriptorSet, or has no such message.
    """
    message_type = message_by_name(descriptors, message)

    def compile_decoder(document: DocumentType) -> Decoder[Never]:
        decode = _compile_message(message_type, document)

        def decode_unusual(value: bytes) -> Document:
            try:
                return decode(value)
            except REFUSALS:
                what = describe_signature(value)
                text = f"the value is not a {message_type.DESCRIPTOR.name}" + (
                    f": it may be {what}" if what else ""
                )
                raise FormatError(MALFORMED, text) from None

        return Decoder(decode, REFUSALS, decode_unusual, lambda _: True)

    return compile_decoder


def _compile_read(schema: Schema, document: DocumentType) -> Read:
    file = messages_of_schema(schema)
    by_index: dict[tuple[int, ...], Callable[[bytes], Document]] = {}

    def decoder(index: tuple[int, ...]) -> Callable[[bytes], Document]:
        found = by_index.get(index)
        if found is None:
            try:
                found = by_index[index] = _compile_message(message_by_index(file, index), document)
            except SchemaError as error:
                raise FormatError(MALFORMED, f"the value does not fit its schema: {error}") from None
        return found

    def read(value: bytes, start: int) -> Document:
        # Nearly always the first message of the file, which is written as one zero byte.
        if value[start] == 0:
            return decoder((0,))(value[start + 1 :])
        index, start = _read_index(value, start)
        return decoder(index)(value[start:])

    return read


def _compile_message(message_type: type[Message], document: DocumentType) -> Callable[[bytes], Document]:
    fields: Mapping[str, FieldDescriptor] = message_type.DESCRIPTOR.fields_by_name  # type: ignore[assignment]  # one of two names of the type
    getters = [
        compile_get(fields[member]) if member in fields else _nothing for member in document.attributes
    ]
    parse, make = message_type.FromString, document.struct

    def decode(value: bytes) -> Document:
        message = parse(value)
        return make(*[get(message) for get in getters])

    return decode


def _nothing(_: Message) -> None:
    return None


def _read_index(value: bytes, start: int) -> tuple[tuple[int, ...], int]:
    """The index of the message type, and where the message begins: a count, then so many numbers."""
    count, start = _read_number(value, start)
    if not 0 <= count <= _LONGEST_INDEX:
        raise LookupError
    index = []
    for _ in range(count):
        number, start = _read_number(value, start)
        index.append(number)
    return tuple(index) or (0,), start


def _read_number(value: bytes, start: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, _MOST_BITS, 7):
        byte = value[start]
        start += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004  the bit that says that another byte follows
            return (number >> 1) ^ -(number & 1), start
    raise LookupError
