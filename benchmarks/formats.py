"""Records a second that each format decodes and maps on one core, beside the library's plain decode."""

from __future__ import annotations

import base64
import json
import time
from io import BytesIO
from typing import TYPE_CHECKING, Any

import fastavro
import msgspec
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from benchmarks.report import Table
from tests.support.builders import record
from worker.core.mapping import compile_mapping
from worker.core.model.records import Interaction
from worker.formats import FORMATS, FormatOptions
from worker.formats.protobuf.descriptors import message_by_index, messages_of_schema
from worker.formats.schemas import Schema, Schemas

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS = 20_000
TURNS = 3
FRAME = b"\x00\x00\x00\x00\x07"
EVENT: dict[str, Any] = {
    "eventType": "view",
    "sentAt": 1767323045678,
    "sessionId": "89791762-2336-4186-9674-299b90a802e2",
    "userId": "user-1234567",
    "itemId": "item-7654321",
    "eventValue": 19.99,
}
_TYPES = {"sentAt": ("long", FieldDescriptorProto.TYPE_INT64), "eventValue": ("double", 1)}
_TEXT = ("string", FieldDescriptorProto.TYPE_STRING)


def table() -> Table:
    """One row a format, the fastest of some turns."""
    rows = []
    for name, (value, schema, plain) in _samples().items():
        known = Schemas()
        if schema is not None:
            known.put(7, schema)
        format_ = FORMATS[name](FormatOptions(known, columns=tuple(EVENT)))
        map_record, mapped_from = compile_mapping({}, record_format=format_), record(value=value)
        assert isinstance(map_record(mapped_from), Interaction), name
        whole = _per_second(lambda map_record=map_record, given=mapped_from: map_record(given))
        rows.append((name, len(value), round(whole), round(_per_second(plain)) if plain else ""))
    return Table(
        "Formats, six fields: records a second on one core",
        ("format", "bytes", "decoded, cast and encoded", "the library's plain decode alone"),
        tuple(rows),
    )


def _per_second(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(TURNS):
        began = time.perf_counter()
        for _ in range(RECORDS):
            call()
        best = min(best, time.perf_counter() - began)
    return RECORDS / best


def _samples() -> dict[str, tuple[bytes, Schema | None, Callable[[], object] | None]]:
    """By format: a value, the schema that it names, and the library's decode."""
    text, packed = json.dumps(EVENT).encode(), msgspec.msgpack.encode(EVENT)
    line = [str(value) for value in EVENT.values()]
    avro = {
        "type": "record",
        "name": "Event",
        "fields": [{"name": name, "type": _TYPES.get(name, _TEXT)[0]} for name in EVENT],
    }
    parsed: Any = fastavro.parse_schema(avro)
    into = BytesIO()
    fastavro.schemaless_writer(into, parsed, EVENT)
    binary = into.getvalue()
    file = FileDescriptorProto(name="event.proto", syntax="proto3")
    file.message_type.add(name="Event").field.extend(
        FieldDescriptorProto(name=name, number=number, label=1, type=_TYPES.get(name, _TEXT)[1])  # type: ignore[arg-type]  # numbers of enumerations
        for number, name in enumerate(EVENT, 1)
    )
    described = Schema("PROTOBUF", base64.b64encode(file.SerializeToString()).decode())
    message_type = message_by_index(messages_of_schema(described), (0,))
    message = message_type(**EVENT).SerializeToString()
    return {
        "json": (text, None, lambda: msgspec.json.decode(text)),
        "json_schema": (FRAME + text, None, lambda: msgspec.json.decode(text)),
        "avro": (
            FRAME + binary,
            Schema("AVRO", json.dumps(avro)),
            lambda: fastavro.schemaless_reader(BytesIO(binary), parsed, None),
        ),
        "protobuf": (FRAME + b"\x00" + message, described, lambda: message_type.FromString(message)),
        "msgpack": (packed, None, lambda: msgspec.msgpack.decode(packed)),
        "csv": (",".join(line).encode(), None, None),
        "tsv": ("\t".join(line).encode(), None, None),
    }
