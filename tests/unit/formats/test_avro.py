"""Avro: what each type comes out as, and that no record can do more than be refused."""

from __future__ import annotations

import json
import math
import struct
from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import record
from tests.unit.formats.written import AVRO, AVRO_RECORD, FRAME, SESSION, avro, avro_schema, schemas
from worker.core.mapping import compile_mapping
from worker.core.model.records import Interaction, Skipped, Undecodable
from worker.formats.avro.reader import compile_read, plain_avro, registry_avro
from worker.formats.avro.schema import compile_codec
from worker.formats.protocol import Document, DocumentType, NeedsSchema
from worker.formats.schemas import UNKNOWN, Schema, SchemaError, Schemas

MAPPED = {
    "eventType": "view",
    "sentAt": 1767323045,
    "itemId": "item",
    "eventValue": 12.3,
    "properties": '{"day":"2026-01-02","other":"buy","counts":{"a":1}}',
}


def event_of(outcome: object) -> dict[str, Any]:
    assert isinstance(outcome, Interaction), outcome
    event = json.loads(outcome.event)
    event.pop("eventId")
    return event  # type: ignore[no-any-return]  # JSON


def reason_of(outcome: object) -> tuple[str, str]:
    assert isinstance(outcome, Undecodable), outcome
    return outcome.reason.kind, outcome.reason.text


def one_field(type_: object) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": [{"name": "x", "type": type_}]}


def decoded(type_: object, value: object) -> object:
    """What a value of an Avro type comes out as."""
    mapping = {"event_type": {"value": "t"}, "session_id": {"value": "s"}, "sent_at": "$timestamp"}
    format_ = plain_avro(json.dumps(one_field(type_)))
    outcome = compile_mapping(mapping | {"item_id": "x"}, record_format=format_)(
        record(value=avro({"x": value}, one_field(type_)))
    )
    return event_of(outcome).get("itemId")


def test_a_record_comes_out_as_the_mapping_expects_it() -> None:
    outcome = compile_mapping({}, record_format=registry_avro(schemas(avro_schema())))(
        record(value=FRAME + avro())
    )
    assert event_of(outcome) == MAPPED
    assert isinstance(outcome, Interaction)
    assert (outcome.session_id, outcome.user_id) == (str(SESSION), str(2**62 + 1))


def test_a_file_s_schema_needs_no_frame() -> None:
    outcome = compile_mapping({}, record_format=plain_avro(json.dumps(AVRO)))(record(value=avro()))
    assert event_of(outcome) == MAPPED


@pytest.mark.parametrize(
    ("type_", "value", "comes_out_as"),
    [
        ("long", 2**63 - 1, str(2**63 - 1)),
        (["null", {"type": "array", "items": "string"}], None, None),
        ({"type": "long", "logicalType": "timestamp-micros"}, 1767323045678901, "1767323045678901"),
        ({"type": "int", "logicalType": "time-millis"}, 5, "5"),
        ({"type": "int", "logicalType": "never heard of"}, 5, "5"),
        (["string", {"type": "record", "name": "Inner", "fields": []}], "text", "text"),
    ],
    ids=str,
)
def test_a_type_comes_out_as(type_: object, value: object, comes_out_as: str | None) -> None:
    assert decoded(type_, value) == comes_out_as


@pytest.mark.parametrize(
    ("type_", "encoded", "comes_out_as"),
    [
        ({"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}, SESSION.bytes, str(SESSION)),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, b"\x02\xfb", "-0.05"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, b"\x00", "0.00"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4}, b"\x04\x01\x00", "256"),
        ({"type": "int", "logicalType": "date"}, b"\x01", "1969-12-31"),
        ({"type": "int", "logicalType": "date"}, b"\xfe\xff\xff\xff\x0f", str(2**31 - 1)),
        ("boolean", b"\x01", "true"),
        ("float", struct.pack("<f", 19.99), "19.99"),
        ("double", struct.pack("<d", 0.1), "0.1"),
        (["null", {"type": "array", "items": ["null", "int"]}], b"\x02\x03\x04\x00\x02\x0e\x00", "[null,7]"),
    ],
    ids=str,
)
def test_bytes_come_out_as(type_: object, encoded: bytes, comes_out_as: str) -> None:
    mapping = {"event_type": {"value": "t"}, "session_id": {"value": "s"}, "sent_at": "$timestamp"}
    map_record = compile_mapping(
        mapping | {"properties": "x"},
        record_format=plain_avro(json.dumps(one_field(one_field(type_) | {"name": "I"}))),
    )
    found = event_of(map_record(record(value=encoded)))["properties"]
    assert found in (f'{{"x":{comes_out_as}}}', f'{{"x":"{comes_out_as}"}}')


@pytest.mark.parametrize("encoded", [struct.pack("<d", math.nan), struct.pack("<d", -math.inf)])
def test_a_number_that_is_none_is_refused_where_a_field_needs_it(encoded: bytes) -> None:
    mapping = {"event_type": {"value": "t"}, "session_id": {"value": "s"}, "sent_at": "$timestamp"}
    map_record = compile_mapping(
        mapping | {"event_value": "x"}, record_format=plain_avro(json.dumps(one_field("double")))
    )
    assert reason_of(map_record(record(value=encoded)))[0] in {"wrong_type", "out_of_range"}


@pytest.mark.parametrize(
    ("type_", "encoded"),
    [
        ("string", b"\x01"),
        ("boolean", b"\x02"),
        ("long", b"\xff" * 9 + b"\x7f"),
        ("long", b"\x80" * 11),
        ({"type": "enum", "name": "K", "symbols": ["a"]}, b"\x01"),
        (["null"], b"\x01"),
        ({"type": "array", "items": "int"}, b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ({"type": "map", "values": "null"}, b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ({"type": "array", "items": "int"}, b"\x01\x01\x00"),
    ],
    ids=str,
)
@pytest.mark.parametrize("needed", ["x", "other"])
def test_what_no_producer_writes_is_refused_whether_it_is_needed_or_not(
    type_: object, encoded: bytes, needed: str
) -> None:
    if needed == "other" and encoded in (b"\x02", b"\x01", b"\xff" * 9 + b"\x7f"):
        encoded += b"\x00"  # What is skipped is not looked at, but its length is.
    map_record = compile_mapping(
        {"session_id": needed}, record_format=plain_avro(json.dumps(one_field(type_)))
    )
    assert reason_of(map_record(record(value=encoded)))[0] == "malformed"


def test_text_that_is_not_utf_8_harms_no_other_field() -> None:
    schema = one_field("string") | {
        "fields": [{"name": "x", "type": "string"}, {"name": "eventType", "type": "string"}]
    }
    mapping = {"session_id": {"value": "s"}, "sent_at": "$timestamp"}
    value = b"\x02\xff\x02t"
    format_ = plain_avro(json.dumps(schema))
    assert event_of(compile_mapping(mapping, record_format=format_)(record(value=value)))["eventType"] == "t"
    needs_it = compile_mapping(mapping | {"item_id": "x"}, record_format=format_)
    assert reason_of(needs_it(record(value=value)))[0] == "not_text"


def test_a_tree_is_read() -> None:
    tree = {
        "type": "record",
        "name": "Tree",
        "namespace": "a.b",
        "fields": [
            {"name": "id", "type": "string"},
            {"name": "parts", "type": {"type": "array", "items": "Tree"}},
        ],
    }
    mapping = {"event_type": {"value": "t"}, "sent_at": "$timestamp", "session_id": "parts[0].parts[0].id"}
    map_record = compile_mapping(mapping, record_format=plain_avro(json.dumps(tree)))
    node = {"id": "1", "parts": [{"id": "2", "parts": [{"id": "3", "parts": []}]}]}
    outcome = map_record(record(value=avro(node, tree)))
    assert isinstance(outcome, Interaction)
    assert outcome.session_id == "3"


TYPES = st.recursive(
    st.sampled_from(["boolean", "int", "long", "string", "double", "bytes"]).map(lambda each: (each, 0)),
    lambda inner: st.one_of(
        inner.map(lambda each: ({"type": "array", "items": each[0]}, 1)),
        inner.map(lambda each: ({"type": "map", "values": each[0]}, 1)),
        inner.filter(lambda each: not isinstance(each[0], list)).map(lambda each: (["null", each[0]], 1)),
    ),
    max_leaves=4,
).map(lambda each: each[0])


@given(
    types=st.lists(TYPES, min_size=1, max_size=6), chance=st.randoms(use_true_random=False), data=st.data()
)
@settings(max_examples=200, deadline=None)
def test_all_is_read_as_fastavro_reads_it(types: list[Any], chance: Any, data: st.DataObject) -> None:
    """And what is not needed is skipped to the same place."""
    named = [{"name": f"f{number}", "type": type_} for number, type_ in enumerate(types)]
    schema = {"type": "record", "name": "R", "fields": named}
    written = {f"f{number}": data.draw(_value(type_)) for number, type_ in enumerate(types)}
    value = avro(written, schema)
    needed = [field["name"] for field in named if chance.random() < 0.7]
    members = [(name, Any, None) for name in needed]
    made: Any = msgspec.defstruct("D", members, bases=(Document,), gc=False)
    document = DocumentType(made, {name: name for name in needed}, frozenset())
    found = compile_read(Schema("AVRO", json.dumps(schema)), document)(value, 0)
    expected: Any = fastavro.schemaless_reader(BytesIO(value), fastavro.parse_schema(schema), None)
    assert [getattr(found, name) for name in needed] == [expected[name] for name in needed]


def _value(type_: Any) -> st.SearchStrategy[object]:  # noqa: PLR0911  a table
    match type_:
        case "boolean":
            return st.booleans()
        case "int":
            return st.integers(-(2**31), 2**31 - 1)
        case "long":
            return st.integers(-(2**63), 2**63 - 1)
        case "string":
            return st.text(max_size=200)
        case "double":
            return st.floats(allow_nan=False, allow_infinity=False)
        case "bytes":
            return st.binary(max_size=200)
        case ["null", inner]:
            return st.none() | _value(inner)
        case {"items": items}:
            return st.lists(_value(items), max_size=3)
        case _:
            return st.dictionaries(st.text(max_size=9), _value(type_["values"]), max_size=3)


def test_a_decimal_keeps_every_digit() -> None:
    type_ = {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 3}
    assert decoded(type_, Decimal("12345678901234567890.120")) == "12345678901234567890.120"


def test_a_schema_that_evolves_is_read_record_by_record() -> None:
    wider = AVRO | {"fields": [*AVRO["fields"], {"name": "more", "type": "string", "default": "x"}]}
    map_record = compile_mapping({}, record_format=registry_avro(schemas(avro_schema(), avro_schema(wider))))
    old = map_record(record(value=FRAME + avro()))
    new = map_record(record(value=b"\x00\x00\x00\x00\x08" + avro(AVRO_RECORD | {"more": "y"}, wider)))
    assert event_of(old) == event_of(new) == MAPPED


def test_a_schema_that_refers_to_another_is_read_with_it() -> None:
    inner = {"type": "record", "name": "shop.Inner", "fields": [{"name": "id", "type": "string"}]}
    outer = one_field("shop.Inner")
    schema = avro_schema(outer, ("shop.Inner", avro_schema(inner)))
    mapping = {"event_type": {"value": "t"}, "session_id": "x.id", "sent_at": "$timestamp"}
    map_record = compile_mapping(mapping, record_format=registry_avro(schemas(schema)))
    outcome = map_record(record(value=FRAME + b"\x04ab"))
    assert isinstance(outcome, Interaction)
    assert outcome.session_id == "ab"


def test_of_a_wide_record_what_is_needed_is_read_all_the_same() -> None:
    many = [{"name": f"f{number}", "type": "string"} for number in range(60)]
    wide = AVRO | {"fields": [*many, *AVRO["fields"]]}
    value = avro(AVRO_RECORD | {f"f{number}": "x" for number in range(60)}, wide)
    outcome = compile_mapping({}, record_format=registry_avro(schemas(avro_schema(wide))))(
        record(value=FRAME + value)
    )
    assert event_of(outcome) == MAPPED


def test_of_a_wide_record_a_type_may_be_defined_in_a_field_that_is_not_needed() -> None:
    kind = {"type": "enum", "name": "Kind", "symbols": ["view"]}
    many = [{"name": f"f{number}", "type": "string"} for number in range(60)]
    wide = one_field(kind) | {
        "fields": [{"name": "x", "type": kind}, *many, {"name": "eventType", "type": "Kind"}]
    }
    value = avro({"x": "view", "eventType": "view"} | {f"f{number}": "" for number in range(60)}, wide)
    mapping = {"session_id": {"value": "s"}, "sent_at": "$timestamp"}
    outcome = compile_mapping(mapping, record_format=registry_avro(schemas(avro_schema(wide))))(
        record(value=FRAME + value)
    )
    assert event_of(outcome)["eventType"] == "view"


def test_the_id_may_stand_in_a_header() -> None:
    known = Schemas()
    known.put(str(SESSION), avro_schema())
    map_record = compile_mapping({}, record_format=registry_avro(known))
    header = ("__value_schema_id", b"\x01" + SESSION.bytes)
    assert event_of(map_record(record(value=avro(), headers=(header,)))) == MAPPED


def test_a_schema_that_nobody_has_fetched_is_asked_for() -> None:
    map_record = compile_mapping({}, record_format=registry_avro(Schemas()))
    assert map_record(record(value=FRAME + avro())) == NeedsSchema(7)
    assert map_record(record(value=b"\x01" + SESSION.bytes + avro())) == NeedsSchema(str(SESSION))


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        (b"", "no_schema_id", "it is empty"),
        (b'{"a": 1}', "no_schema_id", "plain JSON"),
        (b"\x00\x00\x00", "no_schema_id", "too short"),
        (b"Obj\x01....", "no_schema_id", "an Avro container file"),
        (FRAME + avro()[:-1], "malformed", "ends too early"),
        (FRAME + avro() + b"x", "malformed", "more bytes follow"),
        (FRAME + b"\xff" * 40, "malformed", "schema 7"),
    ],
)
def test_what_cannot_be_decoded_is_told(value: bytes, kind: str, says: str) -> None:
    map_record = compile_mapping({}, record_format=registry_avro(schemas(avro_schema())))
    found, text = reason_of(map_record(record(value=value)))
    assert found == kind
    assert says in text


def test_an_id_that_the_registry_does_not_know_is_a_dead_letter() -> None:
    known = Schemas()
    known.put(7, UNKNOWN)
    kind, text = reason_of(compile_mapping({}, record_format=registry_avro(known))(record(value=FRAME)))
    assert (kind, text) == ("unknown_schema", "the registry has no schema 7")


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (Schema("PROTOBUF", ""), "is PROTOBUF"),
        (Schema("AVRO", "{"), "not JSON"),
        (avro_schema({"type": "record", "name": "R"}), "not an Avro schema"),
        (avro_schema("no.such.Type"), "not an Avro schema"),
        (avro_schema(one_field({"type": "array", "items": "null"})), "take no bytes"),
        (avro_schema(one_field({"type": "array", "items": one_field("null")})), "take no bytes"),
    ],
    ids=["another kind", "no JSON", "no fields", "unknown type", "array of null", "array of nothing"],
)
def test_a_schema_that_nobody_can_read_by_is_a_dead_letter(schema: Schema, says: str) -> None:
    map_record = compile_mapping({}, record_format=registry_avro(schemas(schema)))
    kind, text = reason_of(map_record(record(value=FRAME + b"\x00")))
    assert kind == "bad_schema"
    assert says in text


def test_a_record_of_a_recursive_schema_cannot_take_the_process() -> None:
    # A level is a byte. In a decoder written in C without a limit this ends the process.
    recursive = {"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]}
    map_record = compile_mapping(
        {"session_id": "next.next"}, record_format=registry_avro(schemas(avro_schema(recursive)))
    )
    kind, _ = reason_of(map_record(record(value=FRAME + b"\x02" * 1_000_000)))
    assert kind in {"malformed", "not_json"}
    shallow = map_record(record(value=FRAME + b"\x02\x02\x00"))
    assert reason_of(shallow)[0] in {"missing", "wrong_type"}


def test_a_schema_nested_without_end_is_refused() -> None:
    nested: object = "string"
    for _ in range(100):
        nested = {"type": "array", "items": nested}
    for text in (json.dumps(nested), "[" * 10_000 + "]" * 10_000):
        with pytest.raises(SchemaError, match=r"nested too deeply|not JSON"):
            compile_codec(Schema("AVRO", text))


def test_the_null_of_a_union_is_a_tombstone() -> None:
    schema = avro_schema(["null", AVRO])
    map_record = compile_mapping({}, record_format=registry_avro(schemas(schema)))
    assert isinstance(map_record(record(value=FRAME + b"\x00")), Skipped)
    assert event_of(map_record(record(value=FRAME + b"\x02" + avro()))) == MAPPED


def test_avro_that_is_no_record_is_told() -> None:
    kind, _ = reason_of(
        compile_mapping({}, record_format=registry_avro(schemas(avro_schema("string"))))(
            record(value=FRAME + b"\x02a")
        )
    )
    assert kind == "not_an_object"


@pytest.mark.parametrize("name", ["impression", "elsewhere"])
@pytest.mark.parametrize(
    "items",
    [
        "boolean",
        "long",
        "double",
        "string",
        {"type": "fixed", "name": "F", "size": 4},
        {"type": "array", "items": "double"},
        {"type": "map", "values": "double"},
        {"type": "record", "name": "Q", "fields": [{"name": "a", "type": "boolean"}]},
    ],
    ids=str,
)
def test_items_that_are_announced_and_not_there_cost_nothing(items: object, name: str) -> None:
    # As many as would take days, in ten bytes, to be read or to be skipped.
    announced = b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"
    for kind in ({"type": "array", "items": items}, {"type": "map", "values": items}):
        schema = {"type": "record", "name": "R", "fields": [{"name": name, "type": kind}]}
        map_record = compile_mapping({}, record_format=plain_avro(json.dumps(schema)))
        assert reason_of(map_record(record(value=announced + bytes(20))))[0] == "malformed"
