"""Records as producers of each format write them, with the members that the default mapping reads."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import UUID

import fastavro
import msgspec
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from worker.formats.protobuf.descriptors import message_by_index, messages_of_schema
from worker.formats.schemas import Schema, Schemas

if TYPE_CHECKING:
    from google.protobuf.message import Message

SCHEMA_ID = 7
FRAME = b"\x00\x00\x00\x00\x07"
WHEN = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
SESSION = UUID("89791762-2336-4186-9674-299b90a802e2")

AVRO: dict[str, Any] = {
    "type": "record",
    "name": "Event",
    "namespace": "shop",
    "fields": [
        {
            "name": "eventType",
            "type": {"type": "enum", "name": "Kind", "symbols": ["view", "buy"], "default": "view"},
        },
        {"name": "sentAt", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "sessionId", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "userId", "type": ["null", "long"], "default": None},
        {"name": "itemId", "type": "string"},
        {
            "name": "eventValue",
            "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}],
        },
        {
            "name": "properties",
            "type": {
                "type": "record",
                "name": "Properties",
                "fields": [
                    {"name": "day", "type": {"type": "int", "logicalType": "date"}},
                    {"name": "other", "type": ["null", "Kind"]},
                    {"name": "counts", "type": {"type": "map", "values": "int"}},
                ],
            },
        },
    ],
}
AVRO_RECORD = {
    "eventType": "view",
    "sentAt": WHEN,
    "sessionId": str(SESSION),
    "userId": 2**62 + 1,
    "itemId": "item",
    "eventValue": Decimal("12.30"),
    "properties": {"day": date(2026, 1, 2), "other": "buy", "counts": {"a": 1}},
}


def avro(record: object = AVRO_RECORD, schema: object = AVRO) -> bytes:
    """The record as Avro, without a frame."""
    into = BytesIO()
    fastavro.schemaless_writer(into, fastavro.parse_schema(schema), record)  # type: ignore[arg-type]  # JSON
    return into.getvalue()


def schemas(*of: Schema) -> Schemas:
    """A registry's answers: these schemas, by numbers from ``SCHEMA_ID`` on."""
    known = Schemas()
    for number, schema in enumerate(of, SCHEMA_ID):
        known.put(number, schema)
    return known


def avro_schema(schema: object = AVRO, *references: tuple[str, Schema]) -> Schema:
    """The schema as a registry has it."""
    return Schema("AVRO", json.dumps(schema), references)


_F = FieldDescriptorProto


def field(name: str, number: int, type_: int, type_name: str = "", *, repeated: bool = False) -> _F:
    """A field of a message."""
    # Its stubs want types of their own for what are integers and absent texts.
    label: Any = _F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL
    kind: Any = type_
    return _F(name=name, number=number, type=kind, type_name=type_name or None, label=label)


def _proto() -> FileDescriptorProto:
    file = FileDescriptorProto(name="events.proto", package="shop", syntax="proto3")
    file.dependency.extend(f"google/protobuf/{name}.proto" for name in ("timestamp", "wrappers", "struct"))
    kinds = file.enum_type.add(name="Kind")
    for number, name in enumerate(("UNSPECIFIED", "view", "buy")):
        kinds.value.add(name=name, number=number)
    event = file.message_type.add(name="Event")
    event.field.extend(
        [
            field("eventType", 1, _F.TYPE_ENUM, ".shop.Kind"),
            field("sentAt", 2, _F.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
            field("sessionId", 3, _F.TYPE_STRING),
            field("userId", 4, _F.TYPE_UINT64),
            field("itemId", 5, _F.TYPE_MESSAGE, ".google.protobuf.StringValue"),
            field("eventValue", 6, _F.TYPE_DOUBLE),
            field("properties", 7, _F.TYPE_MESSAGE, ".google.protobuf.Struct"),
            field("impression", 8, _F.TYPE_STRING, repeated=True),
            field("inner", 9, _F.TYPE_MESSAGE, ".shop.Event"),
        ]
    )
    event.nested_type.add(name="Nested").field.append(field("sessionId", 1, _F.TYPE_STRING))
    file.message_type.add(name="Other").field.append(field("sessionId", 3, _F.TYPE_STRING))
    return file


PROTO = _proto()
PROTO_SCHEMA = Schema("PROTOBUF", base64.b64encode(PROTO.SerializeToString()).decode())
PROTO_SET = FileDescriptorSet(file=[PROTO]).SerializeToString()


def protobuf(**fields: Any) -> bytes:
    """An event as Protobuf, without a frame."""
    event: Message = message_by_index(messages_of_schema(PROTO_SCHEMA), (0,))(
        **{"eventType": 1, "sessionId": str(SESSION), "userId": 2**63 + 1, "itemId": {"value": "item"}}
        | fields
    )
    event.sentAt.FromDatetime(WHEN)  # type: ignore[attr-defined]  # made of a descriptor
    return event.SerializeToString()


JSON_RECORD = {
    "eventType": "view",
    "sentAt": 1767323045,
    "sessionId": str(SESSION),
    "userId": "user",
    "itemId": "item",
    "properties": {"a": [1, None]},
}


def messagepack(record: object = JSON_RECORD) -> bytes:
    """The record as MessagePack."""
    return msgspec.msgpack.encode(record)
