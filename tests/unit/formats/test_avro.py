"""Avro: what each type comes out as, and that no record can do more than be refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.support.builders import record
from tests.unit.formats.written import AVRO, AVRO_RECORD, FRAME, SESSION, avro, avro_schema, schemas
from worker.core.mapping import compile_mapping
from worker.core.model.records import Interaction, Skipped, Undecodable
from worker.formats.avro.reader import plain_avro, registry_avro
from worker.formats.avro.schema import prepare
from worker.formats.protocol import NeedsSchema
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
    # In fastavro's C code this ends the process: a level is a byte, and no limit stops it.
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
            prepare(Schema("AVRO", text))


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
