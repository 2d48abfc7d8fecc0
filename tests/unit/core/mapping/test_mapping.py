"""Each rule of the API is checked per record, with a reason that names field and rule, never the value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.builders import record
from tests.unit.core.mapping.mapping_records import (
    MINIMAL,
    assert_fulfils_every_rule,
    event_of,
    interaction_of,
    mapped,
    reason_of,
)
from worker.core.mapping import KINDS, compile_mapping
from worker.core.model.records import Skipped, Undecodable
from worker.core.operations.put_events import PUT_EVENTS

FULL = {
    "eventType": "purchase",
    "sentAt": 1_700_000_000_123,
    "sessionId": "s-1",
    "userId": "u-1",
    "itemId": "i-1",
    "eventId": "e-1",
    "eventValue": 9.5,
    "properties": {"price": 1, "note": "caf\u00e9"},
    "impression": ["i-1", "i-2"],
    "recommendationId": "RID-1",
    "eventAttributionSource": "campaign",
}


def test_the_flat_names_of_put_events_need_no_mapping() -> None:
    found = interaction_of(FULL)
    assert (found.session_id, found.user_id) == ("s-1", "u-1")
    assert json.loads(found.event) == {
        "eventId": "e-1",
        "eventType": "purchase",
        "sentAt": 1_700_000_000,
        "itemId": "i-1",
        "eventValue": 9.5,
        "properties": '{"price":1,"note":"caf\u00e9"}',
        "impression": ["i-1", "i-2"],
        "recommendationId": "RID-1",
        "metricAttribution": {"eventAttributionSource": "campaign"},
    }
    assert_fulfils_every_rule(found)


def test_the_record_comes_along_as_it_was() -> None:
    given = record(value=json.dumps(FULL).encode())
    assert compile_mapping({})(given).record is given


def test_what_is_absent_is_left_out_and_not_invented() -> None:
    found = interaction_of(MINIMAL)
    assert found.user_id is None
    assert json.loads(found.event).keys() == {"eventId", "eventType", "sentAt"}


@pytest.mark.parametrize("name", sorted(FULL.keys() - MINIMAL.keys()))
@pytest.mark.parametrize("nothing", [None, "", "  ", " \t\n"])
def test_null_and_empty_text_are_as_good_as_absent(name: str, nothing: object) -> None:
    without = {key: value for key, value in FULL.items() if key != name}
    assert interaction_of(without | {name: nothing}).event == interaction_of(without).event
    assert interaction_of(without | {name: nothing}).user_id == interaction_of(without).user_id


@pytest.mark.parametrize("value", [None, b"null", b" null\r\n", b"\xef\xbb\xbfnull"])
def test_a_tombstone_is_skipped_also_as_the_null_of_json(value: bytes | None) -> None:
    outcome = compile_mapping({})(record(value=value))
    assert isinstance(outcome, Skipped)
    assert outcome.rule == "tombstone"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"sessionId": "s"', "not_json"),
        (b'{"sessionId": "s"} x', "not_json"),
        (b'{"properties":' + b"[" * 100_000, "not_json"),
        (b'{"unmapped":' + b'{"a":' * 100_000, "not_json"),
        (b"\x00\x00\x00\x00\x01{}", "not_json"),
        (b"[]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"17", "not_an_object"),
    ],
)
def test_bytes_that_hold_no_object_are_undecodable(value: bytes, kind: str) -> None:
    assert reason_of(value).kind == kind


def test_a_record_without_a_session_says_where_one_was_looked_for() -> None:
    assert reason_of({"eventType": "view"}).text == (
        "session_id: nothing at `sessionId`; a record without a session cannot be delivered"
    )


@pytest.mark.parametrize("name", ["eventType", "sessionId"])
@pytest.mark.parametrize("nothing", [None, ""])
def test_a_required_field_must_hold_something(name: str, nothing: object) -> None:
    assert reason_of(MINIMAL | {name: nothing}).kind == "missing"


IDS = ["eventType", "sessionId", "userId", "itemId", "eventId"]


@pytest.mark.parametrize(
    ("names", "value", "kind"),
    [
        (IDS, "x" * 257, "too_long"),
        (IDS, int("1" * 257), "too_long"),
        ([*IDS, "recommendationId", "eventAttributionSource"], True, "wrong_type"),
        ([*IDS, "recommendationId"], 7.0, "wrong_type"),
        ([*IDS, "recommendationId"], ["x"], "wrong_type"),
        (IDS, {"id": "x"}, "wrong_type"),
        (["recommendationId"], "x" * 41, "too_long"),
        (["sessionId"], "null", "reserved_value"),
        (["sessionId"], "undefined", "reserved_value"),
        (["eventAttributionSource"], "x" * 1025, "too_long"),
        (["eventAttributionSource"], "caf\u00e9", "not_printable"),
        (["eventAttributionSource"], "a\nb", "not_printable"),
        (["eventValue"], True, "wrong_type"),
        (["eventValue"], [1], "wrong_type"),
        (["eventValue"], "nan", "wrong_type"),
        (["eventValue"], "Infinity", "wrong_type"),
        (["eventValue"], "1_000", "wrong_type"),
        (["eventValue"], " 1", "wrong_type"),
        (["eventValue"], "\u0663", "wrong_type"),
        (["eventValue"], "1e999", "out_of_range"),
        (["eventValue"], 3.5e38, "out_of_range"),
        (["eventValue"], -(10**200), "out_of_range"),
        (["properties"], ["a"], "wrong_type"),
        (["properties"], 1, "wrong_type"),
        (["properties"], "no json", "wrong_type"),
        (["properties"], '{"a": NaN}', "wrong_type"),
        (["properties"], '{"a": 1e999}', "out_of_range"),
        (["properties"], '"{\\"a\\": 1}"', "wrong_type"),
        (["properties"], "[" * 5000, "wrong_type"),
        (["properties"], {"a": "x" * 1017}, "too_long"),
        (["properties"], json.dumps({"a": "x" * 1017}), "too_long"),
        (["impression"], "i-1", "wrong_type"),
        (["impression"], {"a": 1}, "wrong_type"),
        (["impression"], [1.5], "wrong_type"),
        (["impression"], ["a", ""], "empty"),
        (["impression"], ["a", None], "empty"),
        (["impression"], ["a", "undefined"], "empty"),
        (["impression"], "no json", "wrong_type"),
        (["impression"], '{"a": 1}', "wrong_type"),
        (["impression"], ["x" * 257], "too_long"),
        (["impression"], ["x"] * 26, "too_many"),
    ],
)
def test_what_breaks_a_rule_is_undecodable(names: list[str], value: object, kind: str) -> None:
    for name in names:
        assert reason_of(FULL | {name: value}).kind == kind


@pytest.mark.parametrize(
    "key", ["userId", "USERID", "sessionid", "eventType", "Timestamp", "recommendationID", "impression"]
)
@pytest.mark.parametrize("as_text", [False, True])
def test_a_reserved_property_is_refused_whatever_its_case(key: str, as_text: bool) -> None:  # noqa: FBT001  a parameter
    properties: Any = {"price": 1, key: "x"}
    reason = reason_of(MINIMAL | {"properties": json.dumps(properties) if as_text else properties})
    assert reason.kind == "reserved_key"
    assert key.lower() in reason.text.lower()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, "\u00e9" * 256) for name in IDS],
        ("recommendationId", "x" * 40),
        ("eventAttributionSource", "x" * 1024),
        ("properties", {"a": "\u00e9" * 1016}),
        ("impression", ["x" * 256] * 25),
        ("eventValue", 3.4e38),
        ("eventValue", "-1.5e3"),
        ("sessionId", "NULL-1"),
    ],
)
def test_the_longest_that_the_api_takes_is_taken(name: str, value: object) -> None:
    assert_fulfils_every_rule(interaction_of(MINIMAL | {name: value}))


def test_an_event_of_more_than_ten_kilobytes_is_refused() -> None:
    assert reason_of(MINIMAL | {"impression": ["\u00e9" * 256] * 25}).kind == "too_large"


@pytest.mark.parametrize("number", [0, 7, -7, 2**53 + 1, 2**63, 2**64 + 1, 10**40 + 7])
def test_an_integer_id_keeps_every_digit(number: int) -> None:
    found = interaction_of(
        FULL | {"sessionId": number, "userId": number, "itemId": number, "impression": [number]}
    )
    event = json.loads(found.event)
    assert {found.session_id, found.user_id, event["itemId"], event["impression"][0]} == {str(number)}


@pytest.mark.parametrize(
    ("given", "sent"), [(5, 5.0), ("5", 5.0), ("-2.5e1", -25.0), (0, 0.0), ("12.", 12.0)]
)
def test_an_event_value_is_a_number_or_the_text_of_one(given: object, sent: float) -> None:
    assert event_of(MINIMAL | {"eventValue": given})["eventValue"] == sent


@pytest.mark.parametrize(
    "given",
    [{"a": {"b": [1, 2.5]}, "big": 2**70}, '{"a": {"b": [1, 2.5]}, \n "big": 1180591620717411303424}'],
)
def test_properties_are_sent_as_text_once_encoded(given: object) -> None:
    assert event_of(MINIMAL | {"properties": given})["properties"] == (
        '{"a":{"b":[1,2.5]},"big":1180591620717411303424}'
    )


@pytest.mark.parametrize(
    ("name", "nothing"),
    [
        ("properties", {}),
        ("properties", " {} "),
        ("properties", "null"),
        ("properties", "  "),
        ("impression", []),
        ("impression", "[]"),
        ("eventAttributionSource", "  "),
    ],
)
def test_an_empty_object_or_list_is_left_out(name: str, nothing: object) -> None:
    assert name not in event_of(MINIMAL | {name: nothing})


@pytest.mark.parametrize("name", sorted(FULL))
@pytest.mark.parametrize(
    "shape",
    [
        "{0}",
        " {0}" * 500,
        ["{0}"] * 30,
        {"{0}": "{0}"},
        {"userId": "{0}"},
        {"{0}": "{0}" * 500},
        '{{"{0}": }}',
    ],
)
def test_no_reason_holds_the_value(name: str, shape: object) -> None:
    marker = "Mk7Qz"
    value = json.loads(json.dumps(shape).replace("{0}", marker))
    outcome = mapped(FULL | {name: value})
    if isinstance(outcome, Undecodable):
        assert outcome.reason.kind in KINDS
        assert marker not in outcome.reason.text


def test_every_kind_of_reason_is_one_lower_case_word() -> None:
    assert len(set(KINDS)) == len(KINDS)
    assert all(kind.isidentifier() and kind.islower() for kind in KINDS)
    assert "refused" not in KINDS


def test_the_fields_are_those_of_an_interaction() -> None:
    assert tuple(field.name for field in PUT_EVENTS.fields) == (
        "event_type", "sent_at", "session_id", "user_id", "item_id", "event_id", "event_value", "properties",
        "impression", "recommendation_id", "event_attribution_source",
    )  # fmt: skip
