"""JSON behind a schema registry's frame. The frame is taken off; JSON needs no schema to be decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.formats.framed import read_frame
from worker.formats.json.decoder import compile_json_decoder
from worker.formats.protocol import Decoder

if TYPE_CHECKING:
    from typing import Never

    from worker.formats.protocol import Document, DocumentType


def compile_framed_json_decoder(document: DocumentType) -> Decoder[Never]:
    """Compile the decoder for documents of this type."""
    json = compile_json_decoder(document)

    def decode(value: bytes) -> Document:
        return json.decode(value[5 if value[0] == 0 else 17 :])

    def decode_unusual(value: bytes) -> Document | None:
        _, end = read_frame(value)
        return json.decode_unusual(value[end:])

    def may_hold_control_characters(value: bytes) -> bool:
        return json.may_hold_control_characters(value[5:])

    return Decoder(
        decode, (LookupError, *json.refusals), decode_unusual, may_hold_control_characters, framed=True
    )
