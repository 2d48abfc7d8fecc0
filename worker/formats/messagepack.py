"""MessagePack: msgspec decodes it straight into the mapping's document, as it does JSON."""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from typing import TYPE_CHECKING, Final

import msgspec

from worker.formats.numbers import from_double
from worker.formats.protocol import MALFORMED, NOT_AN_OBJECT, Decoder, Document, FormatError
from worker.formats.signatures import describe_signature

if TYPE_CHECKING:
    from typing import Never

    from worker.formats.protocol import DocumentType

_REFUSALS: Final = (msgspec.DecodeError, UnicodeError, RecursionError, ValueError, OverflowError)
_NIL: Final = b"\xc0"
_OTHER_FORMATS: Final = (b"{", b"Obj\x01", b"\x00", b"<")
_AS_THEY_ARE: Final = (str, int, bool, bytes, NoneType)


def compile_messagepack_decoder(document: DocumentType) -> Decoder[Never]:
    """Compile the decoder for documents of this type."""
    decode_struct = msgspec.msgpack.Decoder(document.struct).decode
    slots = tuple(document.attributes.values())

    def decode(value: bytes) -> Document:
        decoded = decode_struct(value)
        for slot in slots:
            member = getattr(decoded, slot)
            if type(member) not in _AS_THEY_ARE:
                setattr(decoded, slot, _as_json(member))
        return decoded

    def decode_unusual(value: bytes) -> Document | None:
        if value == _NIL:
            return None
        try:
            return decode(value)
        except _REFUSALS as error:
            # Nearly every byte begins some MessagePack: JSON's first one is the number 123.
            if isinstance(error, msgspec.ValidationError) and not value.startswith(_OTHER_FORMATS):
                raise FormatError(NOT_AN_OBJECT, "the value is MessagePack, but not a map") from None
            raise FormatError(MALFORMED, f"the value is not MessagePack{_instead(value)}") from None

    return Decoder(decode, _REFUSALS, decode_unusual, lambda _: True)


def _instead(value: bytes) -> str:
    if not value:
        return ": it is empty"
    if value[:1] == b"{":
        return ": it looks like JSON"
    what = describe_signature(value)
    return f": it may be {what}" if what and "MessagePack" not in what else ""


def _as_json(value: object) -> object:
    """The value as JSON has it: keys and timestamps as text, and what only its producer knows as bytes."""
    match value:
        case float():
            return from_double(value)
        case datetime():
            return value.isoformat()
        case list():
            return [_as_json(each) for each in value]
        case dict():
            return {_as_key(key): _as_json(each) for key, each in value.items()}
        case msgspec.msgpack.Ext():
            return value.data
        case _:
            return value


def _as_key(key: object) -> str:
    match key:
        case str():
            return key
        case bytes():
            return key.decode(errors="surrogateescape")
        case bool():
            return str(key).lower()
        case _:
            return str(key)
