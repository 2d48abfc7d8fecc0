"""A mapping says where each field is: in the JSON, in key, headers or timestamp, or in the mapping itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.core.mapping.mapping_records import MINIMAL, event_of, interaction_of, reason_of
from worker.core.mapping import MappingError, compile_mapping

DOCUMENT: dict[str, Any] = MINIMAL | {
    "items": [{"id": "first"}, {"id": "second"}],
    "by_number": {"0": {"id": "zero"}},
    "context": {"app.name": "dotted", "a b": "spaced", "$key": "dollar"},
    "product.id": "flat dotted",
    "$key": "a member",
    "caf\u00e9": {"\u2603": "snow"},
    "empty": "",
    "nothing": None,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("items.0.id", "first"),
        ("items[1].id", "second"),
        ("by_number.0.id", "zero"),
        ("by_number[0].id", "zero"),
        ('context."app.name"', "dotted"),
        ("context.a b", "spaced"),
        ("context.$key", "dollar"),
        ('"product.id"', "flat dotted"),
        ('"$key"', "a member"),
        ("caf\u00e9.\u2603", "snow"),
        ("items.2.id", None),
        ("items.id", None),
        ('items."0".id', None),
        ("items[9999999].id", None),
        ("sessionId.deeper", None),
        ("nowhere.at.all", None),
        ("empty", None),
        ("nothing", None),
    ],
)
def test_a_path_finds_its_value_or_nothing(path: str, found: str | None) -> None:
    assert event_of(DOCUMENT, {"item_id": path}).get("itemId") == found
    assert event_of(DOCUMENT, {"item_id": {"path": path}}).get("itemId") == found


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["empty", "nothing", "nowhere.x", "items.1.id", "items.0.id"], "second"),
        (["items.0.id", "sessionId"], "first"),
        (["sessionId", "items.0.id"], "s-1"),
        (["empty", "$key"], "the key"),
        (["empty", "nothing"], None),
    ],
)
def test_of_several_paths_the_first_that_is_there_counts(paths: list[str], found: str | None) -> None:
    assert event_of(DOCUMENT, {"item_id": paths}, key=b"the key").get("itemId") == found


def test_a_wrong_value_is_no_reason_to_look_further() -> None:
    reason = reason_of(DOCUMENT, {"item_id": ["items", "sessionId"]})
    assert reason.kind == "wrong_type"
    assert reason.text == "item_id (`items` or `sessionId`): neither text nor an integer"


def test_two_fields_may_be_read_from_one_place() -> None:
    found = interaction_of(MINIMAL, {"user_id": "sessionId"})
    assert found.user_id == found.session_id == "s-1"


def test_key_and_headers_are_read_as_text() -> None:
    mapping = {"session_id": "$key", "user_id": "$headers.user.id", "item_id": "$headers.none"}
    found = interaction_of(
        DOCUMENT, mapping, key="s\u00e9".encode(), headers=(("user.id", b"u-7"), ("none", None))
    )
    assert (found.session_id, found.user_id) == ("s\u00e9", "u-7")
    assert "itemId" not in json.loads(found.event)


def test_of_headers_of_one_name_the_last_counts() -> None:
    headers = (("id", b"old"), ("id", b"new"))
    assert event_of(MINIMAL, {"item_id": "$headers.id"}, headers=headers)["itemId"] == "new"


def test_a_key_that_is_no_text_is_refused() -> None:
    assert reason_of(MINIMAL, {"session_id": "$key"}, key=b"\xff").kind == "not_text"


@pytest.mark.parametrize(
    "raw",
    [(42).to_bytes(8, "big"), (1000).to_bytes(8, "big"), (42).to_bytes(4, "big"), b"\x00\x00\x00\x00\x01s-1",
     b"a\x7f", b'"a\\u0000"'],
)  # fmt: skip
def test_a_key_or_header_in_binary_form_is_refused_also_where_it_happens_to_be_text(raw: bytes) -> None:
    """Else one half of the users would vanish and the other get ids that nobody can read."""
    by_key = reason_of(MINIMAL, {"session_id": "$key"}, key=raw)
    by_header = reason_of(MINIMAL, {"session_id": "$headers.id"}, headers=(("id", raw),))
    assert by_key.kind == by_header.kind == "not_text"
    assert by_key.text == "session_id (`$key`): bytes that are no text, such as a number in binary form"


def test_a_key_or_header_that_is_json_text_loses_its_quotes() -> None:
    """Connect's JsonConverter and Spring put them there."""
    mapping = {"session_id": "$key", "user_id": "$headers.user"}
    found = interaction_of(MINIMAL, mapping, key=b'"s-\\u00e9"', headers=(("user", b'"u-1"'),))
    assert (found.session_id, found.user_id) == ("s-\u00e9", "u-1")
    assert interaction_of(MINIMAL, mapping, key=b'"a" and "b"').session_id == '"a" and "b"'


@pytest.mark.parametrize("key", [None, b"", b'""'])
def test_an_empty_key_is_absent(key: bytes | None) -> None:
    assert reason_of(MINIMAL, {"session_id": "$key"}, key=key).kind == "missing"


def test_the_timestamp_may_be_an_id_too() -> None:
    assert (
        event_of(MINIMAL, {"item_id": "$timestamp"}, timestamp_ms=1_600_000_000_999)["itemId"]
        == "1600000000999"
    )


def test_a_constant_stands_in_every_event() -> None:
    mapping = {
        "event_type": {"value": "rate"},
        "item_id": {"value": 7},
        "event_value": {"value": 0},
        "properties": {"value": {"source": "web"}},
        "impression": {"value": ["a", 2]},
    }
    event = event_of(MINIMAL, mapping)
    del event["eventId"], event["sentAt"]
    assert event == {
        "eventType": "rate",
        "itemId": "7",
        "eventValue": 0.0,
        "properties": '{"source":"web"}',
        "impression": ["a", "2"],
    }


def test_a_mapping_of_constants_needs_no_member() -> None:
    mapping = {
        "event_type": {"value": "a"},
        "sent_at": "$timestamp",
        "session_id": "$key",
        **dict.fromkeys(
            ["user_id", "item_id", "event_id", "event_value", "properties", "impression", "recommendation_id",
             "event_attribution_source"]
        ),
    }  # fmt: skip
    assert interaction_of({}, mapping, key=b"s").session_id == "s"


def test_a_given_field_replaces_its_default_and_no_other() -> None:
    event = event_of(DOCUMENT | {"itemId": "flat", "recommendationId": "r"}, {"item_id": "items.0.id"})
    assert (event["itemId"], event["recommendationId"], event["eventType"]) == ("first", "r", "view")


def test_a_given_time_has_no_fall_back_but_those_it_names() -> None:
    assert reason_of(MINIMAL, {"sent_at": "nowhere"}).kind == "missing"


def test_null_turns_an_optional_field_off() -> None:
    event = event_of(
        MINIMAL | {"properties": {"userId": 1}, "eventId": "e"}, {"properties": None, "event_id": None}
    )
    assert "properties" not in event
    assert event["eventId"] != "e"


def test_a_segment_track_call_maps() -> None:
    track = {
        "type": "track",
        "event": "Product Viewed",
        "messageId": "m-1",
        "anonymousId": "a-1",
        "userId": None,
        "timestamp": "2023-11-14T22:13:20.123+05:30",
        "sentAt": "2030-01-01T00:00:00Z",
        "properties": {"products": [{"product_id": 12}]},
    }
    mapping = {
        "event_type": "event",
        "sent_at": "timestamp",
        "session_id": "anonymousId",
        "event_id": "messageId",
        "item_id": ["properties.product_id", "properties.products.0.product_id"],
        "properties": None,
    }
    assert event_of(track, mapping) == {
        "eventId": "m-1",
        "eventType": "Product Viewed",
        "sentAt": 1_699_980_200,
        "itemId": "12",
    }


@pytest.mark.parametrize(
    ("mapping", "keys", "hint"),
    [
        ({"sentAt": "x"}, ["sentAt"], "did you mean `sent_at`?"),
        ({"sent_at": {"path": "t", "unit": "milisecond"}}, ["sent_at.unit"], "did you mean `milliseconds`?"),
        ({"sent_at": {"path": "t", "unit": "ms"}}, ["sent_at.unit"], "did you mean `milliseconds`?"),
        ({"sent_at": {"path": "t", "unit": ["seconds"]}}, ["sent_at.unit"], "unknown unit"),
        ({"sent_at": {"pth": "t"}}, ["sent_at.pth", "sent_at"], "did you mean `path`?"),
        ({"item_id": {"path": "t", "unit": "seconds"}}, ["item_id.unit"], "unknown key `unit`"),
        ({"item_id": {}}, ["item_id"], "neither a path nor a value"),
        ({"item_id": {"value": "x", "path": "y"}}, ["item_id.path"], "unknown key `path`"),
        ({"item_id": 5}, ["item_id"], "must be a path"),
        ({"item_id": []}, ["item_id"], "must be a path"),
        ({"item_id": ["a", 5]}, ["item_id"], "a path is text"),
        ({"item_id": ""}, ["item_id"], "an empty path"),
        ({"item_id": {"path": ["a", " "]}}, ["item_id.path"], "an empty path"),
        ({"item_id": "a..b"}, ["item_id"], "no path at character 2"),
        ({"item_id": ".a"}, ["item_id"], "no path at character 1"),
        ({"item_id": "a."}, ["item_id"], "no path at character 2"),
        ({"item_id": "[0]"}, ["item_id"], "no path at character 1"),
        ({"item_id": "a[x]"}, ["item_id"], "no path at character 2"),
        ({"item_id": 'a."b'}, ["item_id"], "no path at character 2"),
        ({"item_id": 'a."b"c'}, ["item_id"], "no path at character 6"),
        ({"item_id": "a\\b"}, ["item_id"], "no backslashes"),
        ({"item_id": "a\nb"}, ["item_id"], "no control characters"),
        ({"item_id": "$keys"}, ["item_id"], "did you mean `$key`?"),
        ({"item_id": "$headers."}, ["item_id"], "unknown place"),
        ({"session_id": None}, ["session_id"], "cannot be turned off"),
        ({"event_id": {"value": "e"}}, ["event_id"], "one id for all events"),
        ({"item_id": {"value": ""}}, ["item_id.value"], "an empty constant"),
        ({"item_id": {"value": None}}, ["item_id.value"], "an empty constant"),
        ({"item_id": {"value": True}}, ["item_id.value"], "neither text nor an integer"),
        ({"item_id": {"value": "none"}}, ["item_id.value"], "stands for nothing"),
        ({"item_id": {"value": "a\nb"}}, ["item_id.value"], "control characters"),
        ({"session_id": {"value": "null"}}, ["session_id.value"], "must not be"),
        ({"event_value": {"value": float("nan")}}, ["event_value.value"], "JSON cannot hold"),
        ({"properties": {"value": {1: "a"}}}, ["properties.value"], "JSON cannot hold"),
        ({"properties": {"value": {"a": "\ud800"}}}, ["properties.value"], "JSON cannot hold"),
        ({"properties": {"value": {"UserId": 1}}}, ["properties.value"], "`userId`"),
        ({"sent_at": {"value": "soon"}}, ["sent_at.value"], "not a time"),
    ],
)
def test_a_wrong_mapping_is_refused_by_key_and_with_a_hint(
    mapping: dict[str, Any], keys: list[str], hint: str
) -> None:
    with pytest.raises(MappingError) as error:
        compile_mapping(mapping)
    assert [mistake.key for mistake in error.value.mistakes] == keys
    assert hint in str(error.value)


def test_all_mistakes_are_told_at_once() -> None:
    mapping = {
        "useer_id": "a",
        "sent_at": {"path": ["", "b"], "unit": "fortnights", "pth": 1},
        "session_id": None,
        "item_id": ["a..b", "$kee"],
    }
    with pytest.raises(MappingError) as error:
        compile_mapping(mapping)
    assert [mistake.key for mistake in error.value.mistakes] == [
        "useer_id", "sent_at.pth", "sent_at.path", "sent_at.unit", "session_id", "item_id", "item_id",
    ]  # fmt: skip


OBJECTS = st.fixed_dictionaries(
    {}, optional={"key": st.sampled_from(["a", "b", 5, None]), "value": st.integers(0, 3)}
)
OTHERS = st.none() | st.integers() | st.just("key") | st.lists(st.just("key"), max_size=1)


@example([{"value": 1}, None, {"key": "a", "value": 2}], "a")
@given(st.lists(OBJECTS | OTHERS, max_size=5), st.sampled_from(["a", "5"]))
def test_a_look_up_takes_the_first_element_with_the_key_whatever_stands_before(
    elements: list[Any], wanted: str
) -> None:
    found = next((each for each in elements if isinstance(each, dict) and str(each.get("key")) == wanted), {})
    event = event_of(MINIMAL | {"params": elements}, {"item_id": f"params[key={wanted}].value"})
    value = found.get("value")
    assert event.get("itemId") == (None if value is None else str(value))
