"""What stands where no path leads costs nothing; what stands where one leads is judged for itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.mapping.mapping_records import MINIMAL, event_of, interaction_of, mapped, reason_of
from tests.unit.core.mapping.test_always import documents
from worker.core.model.records import FanOut, Interaction, Skipped, Undecodable

if TYPE_CHECKING:
    from worker.core.model.records import Mapped

REFUSED_BY_MSGSPEC = [
    b'"half \\ud83d"',
    b'"\\udc00"',
    b'{"a": [{"\\ud83d": 1}]}',
    b"NaN",
    b"[-Infinity, Infinity]",
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b'"a raw \n line break, and \x01"',
    b'"an escape \\x41 of no JSON"',
    b"01",
    b"+1",
    b".5",
    b"0x1F",
    b"None",
    b"undefined",
    b"{'a': None}",
    b'{"a": 1,}',
    b"[1, /* why */ 2]",
]
NOTHING_TO_IT = [
    b"1e999",
    b"1" * 400,
    b"-" + b"9" * 5_000,
    b'"\xff\xfe"',
    b'{"\xff": "\xc3"}',
    b'"]}{[\\"\\\\"',
    b'{"eventType": "other", "sessionId": null}',
]
DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
BY_PATH = {
    "event_type": "a.b.eventType",
    "sent_at": "a.b.sentAt",
    "session_id": "a.b.sessionId",
    "item_id": "a.b.itemId",
}


def with_member(document: dict[str, Any], name: str, raw: bytes) -> bytes:
    text = json.dumps(document).encode()
    return text[:-1] + (b", " if document else b"") + json.dumps(name).encode() + b": " + raw + b"}"


@pytest.mark.parametrize("raw", REFUSED_BY_MSGSPEC + NOTHING_TO_IT)
def test_a_member_that_no_path_begins_with_costs_nothing(raw: bytes) -> None:
    assert interaction_of(with_member(MINIMAL, "other", raw)).event == interaction_of(MINIMAL).event
    first = b'{"other": ' + raw + b"," + json.dumps(MINIMAL).encode()[1:]
    assert interaction_of(first).event == interaction_of(MINIMAL).event


@pytest.mark.parametrize("raw", REFUSED_BY_MSGSPEC + NOTHING_TO_IT)
@pytest.mark.parametrize("shape", [b'{"a": {"b": %s, "x": %s}}', b'{"a": {"x": %s, "b": %s}}'])
def test_a_member_beside_the_path_costs_nothing_either(raw: bytes, shape: bytes) -> None:
    good = json.dumps(MINIMAL | {"itemId": "i-1"}).encode()
    value = shape % ((good, raw) if shape.index(b'"b"') < shape.index(b'"x"') else (raw, good))
    assert event_of(value, BY_PATH)["itemId"] == "i-1"


@given(documents, st.sampled_from(REFUSED_BY_MSGSPEC))
def test_what_is_taken_apart_is_read_as_what_msgspec_reads(document: dict[str, Any], raw: bytes) -> None:
    outcome, spoilt = mapped(document), mapped(with_member(document, "other", raw))
    assert seen(spoilt) == seen(outcome)


@given(documents, st.sampled_from(REFUSED_BY_MSGSPEC))
def test_nested_values_are_read_alike(document: dict[str, Any], raw: bytes) -> None:
    mapping = BY_PATH | {"item_id": ["a.b.impression.0", "a.b.properties.a", "$key"]}
    outcome = mapped({"a": {"b": document}}, mapping)
    spoilt = b'{"a": {"b": ' + with_member(document, "other", raw) + b"}}"
    assert seen(mapped(spoilt, mapping)) == seen(outcome)


def seen(outcome: Mapped) -> object:
    match outcome:
        case Interaction():
            return outcome.session_id, outcome.user_id, outcome.event
        case Undecodable(reason=reason):
            return reason
        case Skipped(rule=rule):
            return rule
        case FanOut(outcomes=outcomes):
            return [seen(each) for each in outcomes]


def test_names_are_told_as_msgspec_tells_them() -> None:
    """The last of one name counts, and escapes in a name mean what they mean."""
    value = b'{"eventType":"old","event\\u0054ype":"new","sentAt":1700000000,"sessionId":"s","x":NaN}'
    assert event_of(value)["eventType"] == "new"


@pytest.mark.parametrize("half", ["\\ud83d", "\\ude00\\ud83d", "\udcff"])
@pytest.mark.parametrize(
    "name", ["eventType", "sessionId", "userId", "itemId", "eventId", "recommendationId"]
)
def test_an_id_that_is_not_unicode_is_refused_as_that(name: str, half: str) -> None:
    value = with_member(MINIMAL, name, f'"x {half}"'.encode(errors="surrogateescape"))
    reason = reason_of(value)
    assert (reason.kind, "not Unicode: half of a surrogate pair" in reason.text) == ("not_text", True)
    assert name[1:4] in reason.text.replace("_", "").lower() or name.startswith("event")


def test_an_item_of_an_impression_that_is_not_unicode_is_refused_too() -> None:
    assert reason_of(with_member(MINIMAL, "impression", b'["a", "\\ud83d"]')).kind == "not_text"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"q": "half \\ud83d", "\\ud83d": ["\\ude00", 1]}',
        b'{"q": "half \xff", "\xff": ["\xfe", 1]}',
        json.dumps('{"q": "half \\ud83d", "\\ud83d": ["\\ude00", 1]}').encode(),
    ],
)
def test_free_text_has_a_replacement_character_for_what_is_not_unicode(raw: bytes) -> None:
    event = event_of(with_member(MINIMAL, "properties", raw))
    assert json.loads(event["properties"]) == {"q": "half \ufffd", "\ufffd": ["\ufffd", 1]}


@pytest.mark.parametrize(
    ("name", "raw", "kind", "said"),
    [
        ("eventValue", b"NaN", "wrong_type", "event_value (`eventValue`): NaN is no number"),
        (
            "eventValue",
            b"-Infinity",
            "out_of_range",
            "event_value (`eventValue`): Infinity is no finite number",
        ),
        ("eventValue", b"1e999", "out_of_range", "event_value (`eventValue`): a number too large to read"),
        (
            "eventValue",
            b"9" * 400,
            "out_of_range",
            "event_value (`eventValue`): not a finite number of 32 bits",
        ),
        ("sentAt", b"NaN", "wrong_type", "sent_at (`sentAt` or `$timestamp`): NaN is no number"),
        (
            "sentAt",
            b"1e999",
            "out_of_range",
            "sent_at (`sentAt` or `$timestamp`): a number too large to read",
        ),
        ("itemId", b"9" * 5_000, "out_of_range", "item_id (`itemId`): a number too large to read"),
        ("itemId", b"9" * 400, "too_long", "item_id (`itemId`): longer than 256 characters"),
        ("itemId", b"01", "not_json", "`itemId` holds a number that is not written as JSON writes it"),
        ("itemId", b"None", "not_json", "`itemId` holds a word without quotes, not JSON"),
        ("itemId", b'"\\q"', "not_json", "`itemId` holds text with an escape that JSON does not have"),
        (
            "properties",
            b'{"a": NaN}',
            "wrong_type",
            "properties (`properties`): holds what is unfit: NaN is no number",
        ),
        ("properties", DEEP, "not_json", "what a path leads to is nested too deeply"),
    ],
)
def test_a_number_or_a_word_that_does_not_fit_is_refused_by_field_and_rule(
    name: str, raw: bytes, kind: str, said: str
) -> None:
    reason = reason_of(with_member(MINIMAL, name, raw))
    assert (reason.kind, reason.text) == (kind, said)


@pytest.mark.parametrize(
    "escape", ["\\u0000", "\\n", "\\t", "\\b", "\\u001f", "\\u007f", "\\u0085", "\x7f", "\x9f"]
)
@pytest.mark.parametrize(
    "name", ["eventType", "sessionId", "userId", "itemId", "eventId", "recommendationId"]
)
def test_an_id_with_control_characters_is_refused_as_that(name: str, escape: str) -> None:
    reason = reason_of(with_member(MINIMAL, name, f'"a{escape}b"'.encode()))
    assert (reason.kind, reason.text.endswith("holds control characters")) == ("not_text", True)


@pytest.mark.parametrize("text", ["a\u00a0b", "\u00e9", "a\u200bb", "\U0001f600", "a/b\\c", 'say "x"'])
def test_an_id_of_other_characters_is_one(text: str) -> None:
    assert event_of(MINIMAL | {"itemId": text})["itemId"] == text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"", "the value is empty"),
        (b" \n", "the value is empty"),
        (b"\x1f\x8b\x08\x00", "compressed with gzip"),
        (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
        (b"\xff\xfe{\x00", "UTF-16"),
        (b"\xfe\xff\x00{", "UTF-16"),
        (b"{\x00}\x00", "UTF-16"),
        (b"\x00{\x00}", "UTF-16"),
        (b"{\x00\x00\x00}\x00\x00\x00", "UTF-32"),
        (b"\x00\x00\x00\x00\x07{}", "framed for a schema registry"),
        (b"Obj\x01", "an Avro container file"),
        (b"\x83\xa1a\x01", "MessagePack"),
        (b"\x0c\x00\x00\x00\x10a\x00\x01\x00\x00\x00\x00", "BSON"),
        (b"{'eventType': 'view'}", "single quotes"),
        (b"'{}'", "single quotes"),
        (b"{}\x00", "a NUL follows"),
        (b'{"a": 1}\n{"a": 2}', "something follows"),
        (b'{"a": 1,}', "a comma before the closing brace"),
        (b"// why\n{}", "does not begin as JSON does"),
        (b'{"a": 1} // why', "something follows"),
        (b'{"a": 1 // why\n}', "a comment"),
        (b"{a: 1}", "a name without double quotes"),
        (b'{"a": [1}', "no JSON at character 9"),
        (b'{"a": [1', "it ends in the middle"),
        (b'{"a": 1', "it ends in the middle"),
        (b'{"a": "b', "a text that does not end"),
        (b'"{', "a text that does not end"),
        (b"NaN", "NaN is no number"),
        (b"hello", "does not begin as JSON does"),
    ],
)
def test_a_value_that_is_no_json_is_said_to_be_what_it_seems(value: bytes, said: str) -> None:
    reason = reason_of(value)
    assert reason.kind == "not_json"
    assert said in reason.text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"[{}]", "an array"),
        (b"17", "a number"),
        (b"true", "true or false"),
        (b'"text"', "text, and no object in it"),
        (b'"\\"{}\\""', "JSON text within JSON text"),
    ],
)
def test_json_that_is_no_object_is_said_to_be_what_it_is(value: bytes, said: str) -> None:
    reason = reason_of(value)
    assert reason.kind == "not_an_object"
    assert said in reason.text


@pytest.mark.parametrize("around", ["{}", "\ufeff{}", " \n{}\n", "\ufeff \n{}"])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_byte_order_mark_blanks_and_the_quotes_of_json_text_stand_for_nothing(
    around: str,
    quoted: bool,  # noqa: FBT001  a parameter
) -> None:
    text = json.dumps(MINIMAL)
    value = around.replace("{}", json.dumps(text) if quoted else text)
    assert interaction_of(value.encode()).event == interaction_of(MINIMAL).event
