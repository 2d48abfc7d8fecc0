"""Whatever the bytes: the mapping does not raise, and what it calls an interaction the API takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import record
from tests.unit.core.mapping.mapping_records import assert_fulfils_every_rule
from tests.unit.core.mapping.mappings import mappings
from worker.core.mapping import KINDS, compile_mapping
from worker.core.model.records import Element, FanOut, Interaction, Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Unpack

    from tests.unit.core.mapping.mapping_records import OfRecord
    from worker.core.model.records import Headers, Mapped, Record

DEFAULT = compile_mapping({})
NESTED = compile_mapping(
    {
        "event_type": ["a.b", "$headers.type", "eventType"],
        "sent_at": {"path": ["a.0", "sentAt", "$timestamp"], "unit": "milliseconds"},
        "session_id": ["a.b.c", "$key"],
        "user_id": "$timestamp",
        "item_id": "impression[0]",
    }
)
WITHIN = compile_mapping(
    {"session_id": ["properties.a", "a.b.c", "sessionId"], "item_id": ["a.0.b", "b.a"], "properties": "a"},
    ["guest"],
)
EVERY_WORD = compile_mapping({}, builtin_placeholder_ids=False)
NAMES = ["eventType", "sentAt", "sessionId", "userId", "itemId", "eventId", "eventValue", "properties",
         "impression", "recommendationId", "eventAttributionSource", "a", "b", "c"]  # fmt: skip

texts = (
    st.text(max_size=30)
    | st.text(st.sampled_from('\ud83d\ude00\udc80\x00\x1f\x7f\x85\n \u3000\\"{}[]:,ax0'), max_size=12)
    | st.sampled_from(
        [
            "",
            "null",
            "userId",
            "x" * 300,
            "{}",
            '{"a": 1}',
            '["a"]',
            '{"a": {"b": "\\ud83d"}}',
            "{broken",
            "1e5",
            "2020-01-01",
            "2020-01-01T24:00z",
            "Fri Nov 27 10:00:00 UTC 2026",
            "undefined",
            "NaN",
            "guest",
            " \t",
        ]
    )
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.integers(10**8, 10**19)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=28) | st.dictionaries(st.sampled_from(NAMES) | texts, inner, max_size=5)
    ),
    max_leaves=15,
)
ids = st.text(min_size=1, max_size=12) | st.integers() | st.sampled_from(["x" * 256, "\u00e9" * 257, ""])
# Right or nearly so, and in the second half with one member that may hold anything.
near = st.fixed_dictionaries(
    {"eventType": ids, "sessionId": ids},
    optional={
        "sentAt": st.integers(10**8, 10**10) | st.datetimes().map(str),
        "userId": ids,
        "eventValue": st.floats(width=32, allow_nan=False, allow_infinity=False) | st.integers(),
        "properties": st.dictionaries(st.text(max_size=20), scalars, max_size=4),
        "impression": st.lists(ids, max_size=26),
        "recommendationId": st.text(max_size=41),
        "eventAttributionSource": st.text(st.characters(codec="ascii")),
        "a": st.fixed_dictionaries({"b": st.fixed_dictionaries({"c": ids})}),
    },
)
anything = st.dictionaries(st.sampled_from(NAMES), json_values, max_size=1)
documents = near | st.builds(lambda one, other: one | other, near, anything)
elements = st.dictionaries(
    st.sampled_from(["a", "b", "items", "userId", "itemId"]),
    scalars | st.lists(st.dictionaries(st.sampled_from(["a", "b"]), scalars), max_size=3),
    max_size=3,
)
arrays = st.lists(elements | scalars, max_size=4)
several = st.builds(
    lambda document, items: document | items,
    near,
    st.fixed_dictionaries(
        {"items": arrays | arrays.map(json.dumps) | elements}, optional={"a": json_values, "b": elements}
    ),
)
damage = st.binary(max_size=3) | st.sampled_from(
    [
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"\\ud83d",
        b"\\u0000",
        b"\x00",
        b"null",
        b"'",
        b'"',
        b"/*",
        b"[" * 2000,
        b"01",
    ]
)
keys = (
    st.none() | st.binary(max_size=20) | st.sampled_from([b'"s-1"', b'"\\u0000"', b'"', b"null", b"\x00\x2a"])
)
headers = st.lists(st.tuples(st.sampled_from(["type", "other"]), keys), max_size=3).map(tuple)
timestamps = st.none() | st.integers(-(2**63), 2**63 - 1)


def check(value: bytes | None, **of_record: Unpack[OfRecord]) -> None:
    for mapping in (DEFAULT, NESTED, WITHIN, EVERY_WORD):
        check_mapping(mapping, record(value=value, **of_record))


def check_mapping(mapping: Callable[[Record], Mapped], given_record: Record) -> None:
    outcome = mapping(given_record)
    assert outcome.record is given_record
    if not isinstance(outcome, FanOut):
        check_outcome(outcome)
        return
    assert len(outcome.outcomes) > 1
    for index, each in enumerate(outcome.outcomes):
        element = each.record
        assert isinstance(element, Element)
        assert (element.index, element.of) == (index, len(outcome.outcomes))
        assert (element.offset, element.value) == (given_record.offset, given_record.value)
        check_outcome(each)


def check_outcome(outcome: Mapped) -> None:
    if isinstance(outcome, Interaction):
        assert_fulfils_every_rule(outcome)
    elif isinstance(outcome, Undecodable):
        assert outcome.reason.kind in KINDS
        assert outcome.reason.text


@given(st.none() | st.binary(), keys, headers, timestamps)
def test_no_bytes_make_it_raise(
    value: bytes | None, key: bytes | None, head: Headers, timestamp: int | None
) -> None:
    check(value, key=key, headers=head, timestamp_ms=timestamp)


@given(documents, keys, headers, timestamps)
def test_no_object_makes_it_raise(
    document: object, key: bytes | None, head: Headers, timestamp: int | None
) -> None:
    check(json.dumps(document).encode(), key=key, headers=head, timestamp_ms=timestamp)


@given(documents, st.data())
def test_no_damage_makes_it_raise(document: object, data: st.DataObject) -> None:
    raw = json.dumps(document, ensure_ascii=False).encode(errors="surrogatepass")
    cut = data.draw(st.integers(0, len(raw)))
    check(raw[:cut] + data.draw(damage) + raw[cut + data.draw(st.integers(0, 3)) :])


@given(documents, st.sampled_from(["", "\ufeff"]), st.integers(0, 3))
def test_nothing_around_it_makes_it_raise(document: object, mark: str, times: int) -> None:
    text = json.dumps(document)
    for _ in range(times):
        text = json.dumps(text)
    check((mark + text).encode())
    check(json.dumps({"a": text, "properties": text}).encode())


@given(
    st.text(max_size=300), st.text(max_size=300), st.dictionaries(st.text(max_size=20), st.text(max_size=300))
)
def test_text_arrives_as_it_was(session: str, user: str, properties: dict[str, str]) -> None:
    document = {"eventType": "v", "sessionId": session, "userId": user, "properties": properties}
    outcome = EVERY_WORD(record(value=json.dumps(document).encode()))
    if isinstance(outcome, Interaction):
        assert outcome.session_id == session
        assert outcome.user_id == user or not user.strip()
        assert json.loads(json.loads(outcome.event).get("properties", "{}")) == properties


def test_depth_alone_does_not_make_it_raise() -> None:
    """Near the limit of recursion, decoding may succeed where encoding does not."""
    for depth in range(100, 1100, 7):
        check(b'{"eventType":"v","sessionId":"s","properties":{"a":' + b"[" * depth + b"]" * depth + b"}}")


@given(mappings, several | documents, keys, headers, timestamps)
def test_no_mapping_makes_it_raise(
    mapping: dict[str, Any], document: object, key: bytes | None, head: Headers, timestamp: int | None
) -> None:
    given_record = record(value=json.dumps(document).encode(), key=key, headers=head, timestamp_ms=timestamp)
    check_mapping(compile_mapping(mapping), given_record)


@given(mappings, several, st.data())
def test_no_damage_makes_any_mapping_raise(
    mapping: dict[str, Any], document: object, data: st.DataObject
) -> None:
    raw = json.dumps(document, ensure_ascii=False).encode(errors="surrogatepass")
    cut = data.draw(st.integers(0, len(raw)))
    given_record = record(value=raw[:cut] + data.draw(damage) + raw[cut + data.draw(st.integers(0, 3)) :])
    check_mapping(compile_mapping(mapping), given_record)
