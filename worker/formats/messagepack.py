"""MessagePack: msgspec decodes it straight into the mapping's document, as it does JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from worker.formats.protocol import MALFORMED, NOT_AN_OBJECT, Decoder, Document, FormatError
from worker.formats.signatures import describe_signature

if TYPE_CHECKING:
    from typing import Never

    from worker.formats.protocol import DocumentType

_REFUSALS: Final = (msgspec.DecodeError, UnicodeError, RecursionError, ValueError, OverflowError)
_NIL: Final = b"\xc0"
# The type of a timestamp is -1: without this byte there is none.
_TIMESTAMP: Final = 0xFF


def compile_messagepack_decoder(document: DocumentType) -> Decoder[Never]:
    """Compile the decoder for documents of this type."""
    decode_struct = msgspec.msgpack.Decoder(document.struct).decode
    slots = tuple(document.attributes.values())

    def decode(value: bytes) -> Document:
        decoded = decode_struct(value)
        if _TIMESTAMP in value:
            for slot in slots:
                setattr(decoded, slot, _as_json(getattr(decoded, slot)))
        return decoded

    def decode_unusual(value: bytes) -> Document | None:
        if value == _NIL:
            return None
        try:
            return decode(value)
        except msgspec.ValidationError:
            raise FormatError(NOT_AN_OBJECT, "the value is MessagePack, but not a map") from None
        except _REFUSALS:
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
    """The value with its timestamps as text."""
    match value:
        case datetime():
            return value.isoformat()
        case list():
            return [_as_json(each) for each in value]
        case dict():
            return {key: _as_json(each) for key, each in value.items()}
        case _:
            return value
