"""The real mapping, for records that name a schema before their value, and for those that name none.

It is compiled once a process. What reads a schema is a worker's own, as are the schemas that it has heard of.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from tests.support.elements import FIELDS
from worker.core.mapping import compile_mapping
from worker.formats.framed import compile_framed
from worker.formats.json.decoder import compile_json_decoder
from worker.formats.protocol import Decoder
from worker.formats.schemas import Schemas

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.records import Mapped, Record
    from worker.formats.framed import Read
    from worker.formats.protocol import Document, DocumentType, NeedsSchema
    from worker.formats.schemas import Schema

FRAME: Final = b"\0"


class SchemaMapping:
    """The mapping of one worker."""

    def __init__(self) -> None:
        self.schemas = Schemas()
        self._shared = _shared()
        self._framed = self._shared.framed(self.schemas)

    def map(self, record: Record) -> Mapped | NeedsSchema:
        self._shared.reading = self._framed
        return self._shared.map(record)


class _Shared:
    """What all workers of a process share."""

    def __init__(self) -> None:
        self.reading: Decoder[NeedsSchema]
        """Of the worker whose record is mapped just now."""
        self.map: Callable[[Record], Mapped | NeedsSchema] = compile_mapping(
            FIELDS, record_format=self._compile_decoder
        )

    def framed(self, schemas: Schemas) -> Decoder[NeedsSchema]:
        """The real reader of frames, of values that are JSON behind them."""
        return compile_framed("JSON", self._compile_read, self._json.refusals, schemas)(self._document)

    def _compile_decoder(self, document: DocumentType) -> Decoder[NeedsSchema]:
        self._document, self._json = document, compile_json_decoder(document)
        json = self._json

        def decode(value: bytes) -> Document:
            return self.reading.decode(value) if value.startswith(FRAME) else json.decode(value)

        def decode_unusual(value: bytes) -> Document | NeedsSchema | None:
            is_framed = value.startswith(FRAME)
            return self.reading.decode_unusual(value) if is_framed else json.decode_unusual(value)

        refusals: tuple[type[Exception], ...] = (LookupError, *json.refusals)
        return Decoder(decode, refusals, decode_unusual, json.may_hold_control_characters)

    def _compile_read(self, _: Schema, __: DocumentType) -> Read:
        decode = self._json.decode
        return lambda value, end: decode(value[end:])


@cache
def _shared() -> _Shared:
    return _Shared()
