"""MessagePack is mapped as JSON is."""

from __future__ import annotations

import pytest

from tests.support.builders import record
from tests.unit.formats.test_avro import event_of, reason_of
from tests.unit.formats.written import JSON_RECORD, WHEN, messagepack
from worker.core.mapping import compile_mapping
from worker.core.model.records import Skipped
from worker.formats.messagepack import compile_messagepack_decoder

map_record = compile_mapping({}, record_format=compile_messagepack_decoder)


def test_a_map_comes_out_as_the_mapping_expects_it() -> None:
    event = event_of(map_record(record(value=messagepack())))
    assert event == {
        "eventType": "view",
        "sentAt": 1767323045,
        "itemId": "item",
        "properties": '{"a":[1,null]}',
    }


def test_a_timestamp_is_a_time_also_within_properties() -> None:
    value = messagepack(JSON_RECORD | {"sentAt": WHEN, "properties": {"at": [WHEN]}})
    event = event_of(map_record(record(value=value)))
    assert event["sentAt"] == 1767323045
    assert event["properties"] == '{"at":["2026-01-02T03:04:05.678000+00:00"]}'


def test_keys_that_are_no_text_become_text() -> None:
    value = messagepack(JSON_RECORD | {"properties": {1: "a", False: "b", b"c": {2.5: "d"}}})
    assert event_of(map_record(record(value=value)))["properties"] == '{"1":"a","false":"b","c":{"2.5":"d"}}'


def test_nil_is_a_tombstone() -> None:
    assert isinstance(map_record(record(value=b"\xc0")), Skipped)


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        (b"", "malformed", "empty"),
        (b'{"a": 1}', "malformed", "JSON"),
        (b"\x93\x01\x02\x03", "not_an_object", "not a map"),
        (messagepack()[:-1], "malformed", "not MessagePack"),
        (messagepack() + b"\x01", "malformed", "not MessagePack"),
        (b"\xdf\xff\xff\xff\xff", "malformed", "not MessagePack"),
        (b"\x81\xa1x" + b"\x91" * 100_000, "malformed", "not MessagePack"),
    ],
    ids=["empty", "JSON", "array", "cut", "more", "4 thousand million members", "nested"],
)
def test_what_cannot_be_decoded_is_told(value: bytes, kind: str, says: str) -> None:
    found, text = reason_of(map_record(record(value=value)))
    assert found == kind
    assert says in text


def test_a_number_that_is_none_is_refused_where_a_field_needs_it() -> None:
    outcome = compile_mapping({}, record_format=compile_messagepack_decoder)(
        record(value=messagepack(JSON_RECORD | {"eventValue": float("nan")}))
    )
    assert reason_of(outcome)[0] in {"wrong_type", "out_of_range"}
