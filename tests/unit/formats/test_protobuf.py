"""Protobuf: what each type comes out as, and that no record can do more than be refused."""

from __future__ import annotations

import base64
import contextlib
import json
import struct

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import record
from tests.unit.formats.test_avro import event_of, reason_of
from tests.unit.formats.written import FRAME, PROTO_SCHEMA, PROTO_SET, SESSION, field, protobuf, schemas
from worker.core.mapping import compile_mapping
from worker.core.model.records import Interaction
from worker.formats.protobuf.descriptors import messages_of_schema
from worker.formats.protobuf.reader import plain_protobuf, registry_protobuf
from worker.formats.protocol import NeedsSchema
from worker.formats.schemas import Schema, SchemaError, Schemas

_F = FieldDescriptorProto
FIRST_MESSAGE = b"\x00"


def mapped(value: bytes, mapping: dict[str, object] | None = None) -> object:
    map_record = compile_mapping(mapping or {}, record_format=registry_protobuf(schemas(PROTO_SCHEMA)))
    return map_record(record(value=value))


def test_a_message_comes_out_as_the_mapping_expects_it() -> None:
    value = protobuf(eventValue=2.5, properties={"a": 7, "b": [True, None, 1.5]}, impression=["x", "y"])
    outcome = mapped(FRAME + FIRST_MESSAGE + value)
    event = event_of(outcome)
    assert json.loads(event.pop("properties")) == {"a": 7, "b": [True, None, 1.5]}
    assert event == {
        "eventType": "view",
        "sentAt": 1767323045,
        "itemId": "item",
        "eventValue": 2.5,
        "impression": ["x", "y"],
    }
    assert isinstance(outcome, Interaction)
    assert (outcome.session_id, outcome.user_id) == (str(SESSION), str(2**63 + 1))


def test_a_set_of_descriptors_needs_no_frame() -> None:
    map_record = compile_mapping({}, record_format=plain_protobuf(PROTO_SET, "shop.Event"))
    assert event_of(map_record(record(value=protobuf())))["itemId"] == "item"


def test_what_is_not_set_is_absent() -> None:
    outcome = mapped(FRAME + FIRST_MESSAGE + protobuf(userId=0, itemId=None))
    assert isinstance(outcome, Interaction)
    assert outcome.user_id is None
    assert "itemId" not in event_of(outcome)


def test_a_message_in_a_message_is_an_object() -> None:
    outcome = mapped(
        FRAME + FIRST_MESSAGE + protobuf(inner={"sessionId": "within"}), {"session_id": "inner.sessionId"}
    )
    assert isinstance(outcome, Interaction)
    assert outcome.session_id == "within"


@pytest.mark.parametrize(
    ("index", "fields"),
    [(b"\x00", "Event"), (b"\x02\x00", "Event"), (b"\x02\x02", "Other"), (b"\x04\x00\x00", "Nested")],
)
def test_the_frame_says_which_message_it_is(index: bytes, fields: str) -> None:
    value = {"Event": protobuf(), "Other": b"\x1a\x03abc", "Nested": b"\x0a\x03abc"}[fields]
    mapping: dict[str, object] = {"event_type": {"value": "t"}, "sent_at": "$timestamp"}
    outcome = mapped(FRAME + index + value, mapping)
    assert isinstance(outcome, Interaction)
    assert outcome.session_id == (str(SESSION) if fields == "Event" else "abc")


@pytest.mark.parametrize(
    "index", [b"\x04\x00\x02", b"\x02\x06", b"\x01", b"\xff\xff\xff\xff\xff\xff", b"\x02", b""]
)
def test_an_index_of_no_message_is_told(index: bytes) -> None:
    kind, text = reason_of(mapped(FRAME + index))
    assert kind == "malformed"
    assert "schema" in text


@pytest.mark.parametrize("value", [protobuf()[:-1], b"\x0b", b"\xff" * 30])
def test_what_is_no_message_is_told(value: bytes) -> None:
    assert reason_of(mapped(FRAME + FIRST_MESSAGE + value))[0] == "malformed"


def test_messages_nested_without_end_are_told() -> None:
    value = b""
    for _ in range(2_000):
        length = len(value)
        value = b"\x4a" + bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14]) + value
    assert reason_of(mapped(FRAME + FIRST_MESSAGE + value))[0] == "malformed"


def test_a_schema_that_nobody_has_fetched_is_asked_for() -> None:
    map_record = compile_mapping({}, record_format=registry_protobuf(Schemas()))
    assert map_record(record(value=FRAME + FIRST_MESSAGE)) == NeedsSchema(7)


def test_a_schema_that_imports_another_is_read_with_it() -> None:
    imported = FileDescriptorProto(name="any/name.proto", package="base", syntax="proto3")
    imported.message_type.add(name="Who").field.append(field("id", 1, _F.TYPE_STRING))
    file = FileDescriptorProto(name="e.proto", syntax="proto3", dependency=["base/who.proto"])
    file.message_type.add(name="E").field.append(field("who", 1, _F.TYPE_MESSAGE, ".base.Who"))
    schema = Schema("PROTOBUF", _text(file), (("base/who.proto", Schema("PROTOBUF", _text(imported))),))
    mapping = {"event_type": {"value": "t"}, "session_id": "who.id", "sent_at": "$timestamp"}
    map_record = compile_mapping(mapping, record_format=registry_protobuf(schemas(schema)))
    outcome = map_record(record(value=FRAME + FIRST_MESSAGE + b"\x0a\x03\x0a\x01x"))
    assert isinstance(outcome, Interaction)
    assert outcome.session_id == "x"


def test_a_map_is_an_object_with_text_for_keys() -> None:
    file = FileDescriptorProto(name="m.proto", syntax="proto3")
    message = file.message_type.add(name="M")
    entry = message.nested_type.add(name="CountsEntry")
    entry.options.map_entry = True
    entry.field.extend([field("key", 1, _F.TYPE_INT64), field("value", 2, _F.TYPE_STRING)])
    message.field.append(field("counts", 1, _F.TYPE_MESSAGE, ".M.CountsEntry", repeated=True))
    mapping = {"event_type": {"value": "t"}, "session_id": "counts.5", "sent_at": "$timestamp"}
    map_record = compile_mapping(
        mapping, record_format=registry_protobuf(schemas(Schema("PROTOBUF", _text(file))))
    )
    outcome = map_record(record(value=FRAME + FIRST_MESSAGE + b"\x0a\x05\x08\x05\x12\x01x"))
    assert isinstance(outcome, Interaction)
    assert outcome.session_id == "x"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('syntax = "proto3"; message E {', "neither"),
        ('syntax = "proto3"; message E { Who who = 1; }', "contradicts itself"),
        (base64.b64encode(b"\x0a").decode(), "neither"),
        ("", "no message"),
        ("missing import", "imports base/who.proto"),
    ],
)
def test_a_schema_that_nobody_can_read_by_is_a_dead_letter(text: str, says: str) -> None:
    if text == "missing import":
        text = 'syntax = "proto3"; import "base/who.proto"; message E { base.Who who = 1; }'
    map_record = compile_mapping({}, record_format=registry_protobuf(schemas(Schema("PROTOBUF", text))))
    kind, found = reason_of(map_record(record(value=FRAME + FIRST_MESSAGE)))
    assert kind in {"bad_schema", "malformed"}
    assert says in found


TEXT = """
// A comment with "quotes", and a brace {
syntax = "proto3";
package shop.events;
import "google/protobuf/timestamp.proto";
import "google/protobuf/any.proto";
import public "company/options.proto";
option java_package = "x.y"; /* block { */
message Event {
  option (company.of_message).doc = "x;}";
  enum Kind { VIEW = 0; BUY = 1 [(company.custom) = {a: "}"}]; RETURN = -2; reserved 5, 6; }
  Kind kind = 1;
  google.protobuf.Timestamp at = 2 [json_name = "At", deprecated = true];
  optional int64 user = 3;
  oneof what { string item = 4; Inner inner = 5; }
  message Inner { repeated int64 ids = 1 [packed = false]; Event back = 2; }
  map<int32, events.Event.Inner> by_id = 6;
  reserved 10 to 20; reserved "foo";
  float price = 0x7;
  google.protobuf.Any any = 8;
}
service S { rpc A(Event) returns (Event) { option (x) = {get: "/v1"}; } }
"""


def of_text(text: str, value: bytes, path: str) -> object:
    """What stands at a path of the text's first message."""
    mapping = {"event_type": {"value": "t"}, "session_id": {"value": "s"}, "sent_at": "$timestamp"}
    format_ = registry_protobuf(schemas(Schema("PROTOBUF", text)))
    map_record = compile_mapping(mapping | {"item_id": path}, record_format=format_)
    return event_of(map_record(record(value=FRAME + FIRST_MESSAGE + value))).get("itemId")


@pytest.mark.parametrize(
    ("value", "path", "comes_out_as"),
    [
        (b"", "kind", "VIEW"),
        (b"\x08\x01", "kind", "BUY"),
        (b"\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "kind", "RETURN"),
        (b"\x08\x09", "kind", "9"),
        (b"", "user", None),
        (b"\x18\x00", "user", "0"),
        (b"\x22\x01i", "item", "i"),
        (b"\x2a\x02\x08\x07", "inner.ids[0]", "7"),
        (b"\x32\x06\x08\x05\x12\x02\x08\x07", "by_id.5.ids[0]", "7"),
        (b"\x42\x21\x0a\x1ba.b/shop.events.Event.Inner\x12\x02\x08\x07", "any.ids[0]", "7"),
        (b"\x42\x05\x0a\x03a/b", "any.@type", "a/b"),
        (b"\x12\x00", "at", "1970-01-01T00:00:00Z"),
    ],
)
def test_the_text_of_a_proto_file_is_a_schema_too(value: bytes, path: str, comes_out_as: str | None) -> None:
    assert of_text(TEXT, value, path) == comes_out_as


def test_proto2_has_defaults_which_count() -> None:
    text = """package p; message M { optional int32 n = 1 [default = 7]; optional E e = 2 [default = B];
      optional string s = 3 [default = 'it"s']; optional int32 none = 4; extensions 100 to max;
      enum E { option allow_alias = true; A = 0; B = 1; C = 1; } }"""
    assert [of_text(text, b"", path) for path in ("n", "e", "s", "none")] == ["7", "B", 'it"s', None]


def test_a_first_name_that_says_that_it_is_none_is_absent() -> None:
    text = 'syntax = "proto3"; message M { K k = 1; enum K { K_UNSPECIFIED = 0; } }'
    assert of_text(text, b"", "k") is None


def test_a_float_comes_out_in_its_shortest_form() -> None:
    mapping = {"event_type": {"value": "t"}, "session_id": {"value": "s"}, "sent_at": "$timestamp"}
    text = 'syntax = "proto3"; message M { N n = 1; message N { float price = 1; } }'
    format_ = registry_protobuf(schemas(Schema("PROTOBUF", text)))
    map_record = compile_mapping(mapping | {"properties": "n"}, record_format=format_)
    outcome = map_record(record(value=FRAME + FIRST_MESSAGE + b"\x0a\x05\x0d" + struct.pack("<f", 19.99)))
    assert event_of(outcome)["properties"] == '{"price":19.99}'


@given(text=st.text(max_size=200) | st.text(alphabet='message{}=;"[]<>,. E1', max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with contextlib.suppress(SchemaError):
        messages_of_schema(Schema("PROTOBUF", text))


def test_a_file_without_descriptors_or_without_the_message_is_refused() -> None:
    with pytest.raises(SchemaError, match="protoc"):
        plain_protobuf(b"syntax", "shop.Event")
    with pytest.raises(SchemaError, match=r"it has: shop\.Event, shop\.Other"):
        plain_protobuf(PROTO_SET, "shop.Evnet")


def _text(file: FileDescriptorProto) -> str:
    return base64.b64encode(file.SerializeToString()).decode()
