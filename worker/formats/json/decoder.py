"""The decoder for JSON: straight into the mapping's document, in one pass.

msgspec skips the members with which no path begins, without making objects of them. A value that it refuses
is unwrapped, and then taken apart by ``lenient`` into the same document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from worker.formats.json.envelope import unwrap, why_not_json
from worker.formats.json.lenient import NotJson, UndecodedJson, members
from worker.formats.protocol import NOT_JSON, Decoder, FormatError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Never

    from worker.formats.protocol import Document, DocumentType

_REFUSALS: Final = (msgspec.DecodeError, UnicodeError, RecursionError)

# In text that msgspec decodes, a control character can only be an escape, DEL, or two bytes of which C2 is
# the first. Searching for a byte costs next to nothing.
_BACKSLASH: Final = 0x5C
_DEL: Final = 0x7F
_C1: Final = 0xC2


def compile_json_decoder(document: DocumentType) -> Decoder[Never]:
    """Compile the decoder for documents of this type."""
    decode = msgspec.json.Decoder(document.struct).decode
    return Decoder(decode, _REFUSALS, _compile_decode_unusual(document, decode), may_hold_control_characters)


def may_hold_control_characters(text: bytes | bytearray) -> bool:
    """Whether text in this JSON may hold control characters; if False, it certainly holds none."""
    return _BACKSLASH in text or _DEL in text or _C1 in text


def _compile_decode_unusual(
    document: DocumentType, decode: Callable[[str], Document]
) -> Callable[[bytes], Document | None]:
    def decode_unusual(value: bytes) -> Document | None:
        try:
            text = unwrap(value)
            return None if text is None else decode_text(text)
        except NotJson as fault:
            raise FormatError(NOT_JSON, why_not_json(value, fault)) from None

    def decode_text(text: str) -> Document:
        try:
            return decode(text)  # What was only wrapped is read as fast as the rest.
        except _REFUSALS:
            return decode_leniently(text)

    def decode_leniently(text: str) -> Document:
        undecoded = {
            name: UndecodedJson(each, name)
            for name, each in members(text).items()
            if name in document.attributes
        }
        return document.struct(
            **{
                document.attributes[name]: each.read() if name in document.whole else each
                for name, each in undecoded.items()
            }
        )

    return decode_unusual
