"""The forms of a field beyond a path: what is made of several places, and how its value is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.core.mapping.mapping_records import MINIMAL, event_of, interaction_of, mapped, reason_of
from worker.core.mapping import MappingError, compile_mapping
from worker.core.model.records import Skipped

PARAMS = [
    {"key": "page", "value": "/p"},
    {"key": 5, "value": "number"},
    {"key": True, "value": "truth"},
    {"key": None, "value": "null"},
    {"key": "a ]b", "value": "bracket"},
    {"key": 'a"b', "value": "quote"},
    {"value": "no key"},
    "text",
    {"key": "page", "value": "second"},
]
DOCUMENT: dict[str, Any] = MINIMAL | {
    "params": PARAMS,
    "by_name": {"x": {"key": "page", "value": "of object"}, "y": 5},
    "as_text": json.dumps(PARAMS),
    "orders": [
        {"lines": [{"id": ""}, {"id": "a"}]},
        {"lines": []},
        {"lines": [{"id": "b"}, {"id": "undefined"}]},
    ],
    "nothing": [],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("params[key=page].value", "/p"),
        ("params[key=5].value", "number"),
        ("params[key=true].value", "truth"),
        ("params[key=null].value", None),
        ('params[key="a ]b"].value', "bracket"),
        ('params[key="a""b"].value', "quote"),
        ('params["key"=page].value', "/p"),
        ("params[key=other].value", None),
        ("params[value=second].key", "page"),
        ("by_name[key=page].value", "of object"),
        ("as_text[key=page].value", "/p"),
        ("sessionId[key=page].value", None),
        ("nowhere[key=page].value", None),
        ("orders[*].lines[*].id", "a"),
        ("by_name[*].value", "of object"),
        ("nothing[*].id", None),
        ("$record.sessionId", "s-1"),
    ],
)
def test_a_path_through_arrays_finds_its_value_or_nothing(path: str, found: str | None) -> None:
    assert event_of(DOCUMENT, {"item_id": path}).get("itemId") == found


def test_where_a_list_is_wanted_every_element_that_is_present_counts() -> None:
    assert event_of(DOCUMENT, {"impression": "orders[*].lines[*].id"})["impression"] == ["a", "b"]
    assert "impression" not in event_of(DOCUMENT, {"impression": "nothing[*].id"})


def test_a_value_that_only_a_lenient_decoder_reads_is_found_too() -> None:
    raw = json.dumps(DOCUMENT).encode().replace(b'"nothing"', b'"bad": "\\ud83d", "nothing"')
    mapping = {"item_id": "params[key=page].value", "impression": "orders[*].lines[*].id"}
    event = event_of(raw, mapping)
    assert (event["itemId"], event["impression"]) == ("/p", ["a", "b"])


def test_the_position_and_the_members_of_a_key_are_read() -> None:
    mapping = {
        "session_id": "$key.a.b",
        "user_id": "$topic",
        "item_id": {"join": ["$partition", "$offset"], "separator": "/"},
    }
    found = interaction_of(MINIMAL, mapping, key=b'{"a": {"b": 7}}')
    assert (found.session_id, found.user_id) == ("7", "interactions")
    assert json.loads(found.event)["itemId"] == "0/0"
    assert reason_of(MINIMAL, mapping, key=b"\x00\x01").kind == "missing"
    assert reason_of(MINIMAL, mapping, key=b"plain").kind == "missing"


def test_control_characters_in_a_key_that_is_json_are_refused() -> None:
    """The value holds no escape, so it alone would not be looked at."""
    assert reason_of(MINIMAL, {"session_id": "$key.a"}, key=b'{"a": "x\\u0000"}').kind == "not_text"


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        (["a", "b"], "x-5"),
        (["b"], "5"),
        (["a", "nowhere"], None),
        (["a", "empty"], None),
        (["a", "undefined"], None),
        ([{"join": ["a", "a"], "separator": ""}, "b"], "xx-5"),
    ],
)
def test_parts_are_joined_if_all_are_there(parts: list[Any], joined: str | None) -> None:
    document = MINIMAL | {"a": "x", "b": 5, "empty": "", "undefined": "undefined"}
    assert event_of(document, {"item_id": {"join": parts}}).get("itemId") == joined


@pytest.mark.parametrize("part", [True, 1.5, [], {}])
def test_a_part_that_is_neither_text_nor_an_integer_is_refused(part: object) -> None:
    reason = reason_of(MINIMAL | {"a": part}, {"item_id": {"join": ["sessionId", "a"]}})
    assert reason.kind == "wrong_type"
    assert "`sessionId` joined with `a`" in reason.text


def test_a_joined_id_that_is_too_long_is_refused() -> None:
    reason = reason_of(MINIMAL | {"a": "x" * 200}, {"item_id": {"join": ["a", "a"]}})
    assert reason.kind == "too_long"


@pytest.mark.parametrize("absent", [["-1", "none yet"], [-1, "none yet"], [-1.0, "none yet"]])
@pytest.mark.parametrize("value", ["-1", -1, "none yet"])
def test_a_value_that_counts_as_absent_lets_the_next_source_be_asked(
    absent: list[Any], value: object
) -> None:
    mapping = {"item_id": {"path": ["a", "sessionId"], "absent": absent}}
    assert event_of(MINIMAL | {"a": value}, mapping)["itemId"] == "s-1"
    assert event_of(MINIMAL | {"a": "-2"}, mapping)["itemId"] == "-2"


VALUES = {"path": "event", "values": {"Viewed": "view", 7: "seven", True: "truth"}}


@pytest.mark.parametrize(
    ("value", "event_type"),
    [("Viewed", "view"), (7, "seven"), ("7", "seven"), (7.0, "seven"), (True, "truth")],
)
def test_values_are_exchanged_by_their_text(value: object, event_type: str) -> None:
    assert event_of(MINIMAL | {"event": value}, {"event_type": VALUES})["eventType"] == event_type


def test_what_is_not_among_the_values_is_refused_kept_or_dropped() -> None:
    document = MINIMAL | {"event": "Secret"}
    reason = reason_of(document, {"event_type": VALUES})
    assert reason.kind == "unlisted"
    assert "Secret" not in reason.text
    assert event_of(document, {"event_type": VALUES | {"otherwise": "keep"}})["eventType"] == "Secret"
    skipped = mapped(document, {"event_type": VALUES | {"otherwise": "drop"}})
    assert isinstance(skipped, Skipped)
    assert skipped.rule == "values:event_type"
    assert reason_of(MINIMAL, {"event_type": VALUES | {"otherwise": "drop"}}).kind == "missing"


@pytest.mark.parametrize(
    ("pattern", "value", "seconds"),
    [
        ("%d/%m/%Y %H:%M:%S", "01/01/2026 00:00:00", 1_767_225_600),
        ("%d/%m/%Y %H:%M:%S %z", "01/01/2026 02:00:00 +0200", 1_767_225_600),
        ("%Y%m%d", 20_260_101, 1_767_225_600),
        ("%m/%d/%y %I:%M %p", " 01/01/26 12:00 AM ", 1_767_225_600),
    ],
)
def test_a_time_is_read_by_its_pattern(pattern: str, value: object, seconds: int) -> None:
    document = MINIMAL | {"when": value}
    assert event_of(document, {"sent_at": {"path": "when", "pattern": pattern}})["sentAt"] == seconds


@pytest.mark.parametrize(
    ("value", "kind"),
    [("soon", "wrong_type"), ([], "wrong_type"), (" ", "missing"), ("01/01/1900", "out_of_range")],
)
def test_a_time_that_is_not_written_by_its_pattern_is_refused(value: object, kind: str) -> None:
    mapping = {"sent_at": {"path": "when", "pattern": "%d/%m/%Y"}}
    assert reason_of(MINIMAL | {"when": value}, mapping).kind == kind


def test_the_records_own_time_needs_no_pattern() -> None:
    mapping = {"sent_at": {"path": ["when", "$timestamp"], "pattern": "%d/%m/%Y"}}
    assert event_of(MINIMAL, mapping, timestamp_ms=1_767_225_600_123)["sentAt"] == 1_767_225_600


@pytest.mark.parametrize(
    ("text", "items"),
    [("a|b|c", ["a", "b", "c"]), (" a | b |", ["a", "b"]), ("|", None), (["a", "b"], ["a", "b"])],
)
def test_a_list_may_be_written_as_text(text: object, items: list[str] | None) -> None:
    mapping = {"impression": {"path": "shown", "split": "|"}}
    assert event_of(MINIMAL | {"shown": text}, mapping).get("impression") == items


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("12,90", 12.9), ("1.234,50", 1234.5), ("1.234.567", 1_234_567.0), (" -0,5 ", -0.5), ("7", 7.0),
        ("1234,5", 1234.5), (4.5, 4.5), (4, 4.0), (" ", None), (None, None),
    ],
)  # fmt: skip
def test_a_number_may_have_a_decimal_comma(value: object, number: float | None) -> None:
    mapping = {"event_value": {"path": "price", "decimal": ","}}
    assert event_of(MINIMAL | {"price": value}, mapping).get("eventValue") == number


@pytest.mark.parametrize("value", ["12.90", "1.23,5", "12,", ",5", "1,234.50", "1e5", "1,2,3", True, "x"])
def test_with_a_decimal_comma_a_point_only_groups_thousands(value: object) -> None:
    mapping = {"event_value": {"path": "price", "decimal": ","}}
    assert reason_of(MINIMAL | {"price": value}, mapping).kind == "wrong_type"


def test_properties_are_made_of_what_is_present() -> None:
    members = {
        "page": "params[key=page].value",
        "time": "$timestamp",
        "none": ["nowhere", "nothing[0]"],
        "list": "nothing",
    }
    properties = json.loads(event_of(DOCUMENT, {"properties": {"object": members}})["properties"])
    assert properties == {"page": "/p", "time": 1_700_000_000_000, "list": []}
    assert "properties" not in event_of(MINIMAL, {"properties": {"object": {"a": "nowhere"}}})


def test_properties_never_hold_bytes() -> None:
    reason = reason_of(MINIMAL, {"properties": {"object": {"a": "$key"}}}, key=b"\xff")
    assert reason.kind == "not_text"


@pytest.mark.parametrize("how", [{"path": "all"}, {"object": {"a": "all.a", "b": "all.b", "c": "all.c"}}])
def test_of_properties_that_are_too_long_the_last_members_are_left_out(how: dict[str, Any]) -> None:
    document = MINIMAL | {"all": {"a": "x" * 500, "b": "\u00e9" * 500, "c": "z" * 9}}
    assert reason_of(document, {"properties": how}).kind == "too_long"
    kept = event_of(document, {"properties": how | {"too_long": "leave_out"}})["properties"]
    assert json.loads(kept) == {"a": "x" * 500, "b": "\u00e9" * 500}
    assert len(kept) <= 1024


def test_properties_whose_first_member_is_too_long_are_absent() -> None:
    mapping = {"properties": {"path": "all", "too_long": "leave_out"}}
    assert "properties" not in event_of(MINIMAL | {"all": {"a": "x" * 1100, "b": 1}}, mapping)


def test_an_expression_is_evaluated_on_the_members_it_names() -> None:
    mapping = {
        "item_id": {"jmespath": "items[?price > `1`].id | [0]"},
        "user_id": [{"jmespath": "nowhere"}, "sessionId"],
    }
    found = interaction_of(MINIMAL | {"items": [{"id": "a", "price": 1}, {"id": "b", "price": 2}]}, mapping)
    assert (json.loads(found.event)["itemId"], found.user_id) == ("b", "s-1")


def test_an_expression_that_fails_makes_a_dead_letter_that_quotes_nothing() -> None:
    reason = reason_of(MINIMAL | {"a": "secret"}, {"event_value": {"jmespath": "sum(a)"}})
    assert reason.kind == "wrong_type"
    assert "secret" not in reason.text
    assert "sum(a)" in reason.text


@pytest.mark.parametrize(
    ("mapping", "key", "hint"),
    [
        ({"item_id": "a[*"}, "item_id", "no path at character 2"),
        ({"item_id": "a[k=]"}, "item_id", "no path at character 2"),
        ({"item_id": "a[=v]"}, "item_id", "no path at character 2"),
        ({"item_id": "$topic.a"}, "item_id", "nothing is within `$topic`"),
        ({"item_id": "$record"}, "item_id", "names no member"),
        ({"item_id": "$each.a"}, "item_id", "takes `each`"),
        ({"item_id": "$index"}, "item_id", "takes `each`"),
        ({"item_id": "$insert_id"}, "item_id", 'needs quotes: `"$insert_id"`'),
        ({"item_id": {"path": "a", "join": ["b"]}}, "item_id", "has both `path` and `join`"),
        ({"item_id": {"join": []}}, "item_id.join", "a list of sources"),
        ({"item_id": {"join": [["a"]]}}, "item_id.join", "a path is text"),
        ({"item_id": {"join": ["a"], "separator": "\n"}}, "item_id.separator", "control characters"),
        ({"item_id": [{"joim": ["a"]}]}, "item_id", "a source is a path"),
        ({"item_id": {"jmespath": "a["}}, "item_id.jmespath", "not a JMESPath expression"),
        ({"item_id": {"jmespath": "keys(@)"}}, "item_id.jmespath", "the document as a whole"),
        ({"item_id": {"jmespath": "*.a"}}, "item_id.jmespath", "the document as a whole"),
        ({"item_id": {"jmespath": "'x'"}}, "item_id.jmespath", "a constant is"),
        ({"item_id": {"jmespath": 5}}, "item_id.jmespath", "must be a JMESPath"),
        ({"item_id": {"object": {"a": "b"}}}, "item_id.object", "no object"),
        ({"properties": {"object": {}}}, "properties.object", "must name the members"),
        ({"properties": {"object": {"userid": "a"}}}, "properties.object.userid", "reserves `userId`"),
        ({"properties": {"object": {"a": "b."}}}, "properties.object.a", "no path at character 2"),
        ({"properties": {"object": {5: "b"}}}, "properties.object.5", "a member's name is text"),
        ({"properties": {"path": "a", "too_long": "leaveout"}}, "properties.too_long", "`leave_out`"),
        ({"item_id": {"path": "a", "absent": []}}, "item_id.absent", "a list of texts"),
        ({"item_id": {"path": "a", "absent": [None]}}, "item_id.absent", "a list of texts"),
        ({"item_id": {"path": "a", "otherwise": "drop"}}, "item_id.otherwise", "`values`"),
        (
            {"item_id": {"path": "a", "values": {"a": "b"}, "otherwise": "dropp"}},
            "item_id.otherwise",
            "`drop`",
        ),
        ({"item_id": {"path": "a", "values": {}}}, "item_id.values", "must say what becomes"),
        ({"item_id": {"path": "a", "values": {None: "b"}}}, "item_id.values.None", "text, a number"),
        ({"item_id": {"path": "a", "values": {1: "b", "1": "c"}}}, "item_id.values.1", "twice"),
        ({"item_id": {"path": "a", "values": {"a": ""}}}, "item_id.values.a", "stands for nothing"),
        ({"item_id": {"path": "a", "values": {"a": 1.5}}}, "item_id.values.a", "neither text nor"),
        ({"sent_at": {"path": "a", "values": {"a": 1}}}, "sent_at.values", "unknown key"),
        ({"sent_at": {"path": "a", "unit": "auto", "pattern": "%Y%m%d"}}, "sent_at.pattern", "either"),
        ({"sent_at": {"path": "a", "pattern": "%H:%M"}}, "sent_at.pattern", "year, month and day"),
        ({"sent_at": {"path": "a", "pattern": "%Y-%m-%d %I:%M"}}, "sent_at.pattern", "a part of the hours"),
        ({"sent_at": {"path": "a", "pattern": "%d %Q %Y"}}, "sent_at.pattern", "not a pattern"),
        ({"sent_at": {"path": "a", "pattern": "%Y-%m-%d %Z"}}, "sent_at.pattern", "%z"),
        ({"sent_at": {"path": "a", "pattern": "dd/mm/yyyy"}}, "sent_at.pattern", "such as"),
        ({"event_value": {"path": "a", "decimal": ";"}}, "event_value.decimal", "unknown mark"),
        ({"item_id": {"path": "a", "decimal": ","}}, "item_id.decimal", "unknown key"),
        ({"impression": {"path": "a", "split": ""}}, "impression.split", "between two items"),
        ({"item_id": {"path": "a", "split": "|"}}, "item_id.split", "unknown key"),
    ],
)
def test_a_mistake_is_told_by_key_and_with_a_hint(mapping: dict[str, Any], key: str, hint: str) -> None:
    with pytest.raises(MappingError) as error:
        compile_mapping(mapping)
    assert key in [mistake.key for mistake in error.value.mistakes]
    assert hint in next(mistake.reason for mistake in error.value.mistakes if mistake.key == key)
