"""Avro records to be held, framed as clients of a registry frame them, and the schema that they name."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import fastavro

from worker.formats.avro.reader import registry_avro
from worker.formats.schemas import Schema, Schemas

if TYPE_CHECKING:
    from worker.formats.protocol import Format, NeedsSchema

_SCHEMA: Final[dict[str, Any]] = {
    "type": "record",
    "name": "Event",
    "fields": [
        {"name": "eventType", "type": "string"},
        {"name": "sentAt", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "sessionId", "type": "string"},
        {"name": "userId", "type": ["null", "string"], "default": None},
        {"name": "itemId", "type": ["null", "string"], "default": None},
        {"name": "x", "type": "bytes"},
    ],
}
_PARSED: Final[Any] = fastavro.parse_schema(_SCHEMA)
_ID: Final = 7
_FRAME: Final = b"\x00" + _ID.to_bytes(4, "big")


def avro_format() -> Format[NeedsSchema]:
    """The format of records whose schema is known."""
    known = Schemas()
    known.put(_ID, Schema("AVRO", json.dumps(_SCHEMA)))
    return registry_avro(known)


def avro_value(event: dict[str, object], size: int) -> bytes:
    """The event as Avro of about so many bytes; what is left of them is in a field that no path leads to."""
    short = _written(event | {"x": b""})
    return _written(event | {"x": b"x" * max(0, size - len(short))})


def _written(event: dict[str, object]) -> bytes:
    into = BytesIO()
    into.write(_FRAME)
    fastavro.schemaless_writer(into, _PARSED, event)
    return into.getvalue()
