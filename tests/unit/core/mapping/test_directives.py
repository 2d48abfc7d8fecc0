"""What a mapping does with a whole record: unwrap it, leave it out, make several events of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import record
from tests.unit.core.mapping.mapping_records import MINIMAL, event_of, interaction_of, mapped, reason_of
from worker.core.mapping import MappingError, compile_mapping
from worker.core.model import dead_letter_headers as names
from worker.core.model.records import FanOut, Interaction, Skipped, Undecodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.core.model.records import Headers

INNER = MINIMAL | {"itemId": "inner"}
UNWRAP = {"unwrap": ["payload.after", "after"], "user_id": "$record.op"}


@pytest.mark.parametrize(
    "wrap",
    [
        {"payload": {"after": INNER}},
        {"payload": {"after": json.dumps(INNER)}},
        {"payload": json.dumps({"after": json.dumps(INNER)})},
        {"after": INNER},
        {"payload": {"after": None}, "after": INNER},
        {"payload": {"after": [INNER]}, "after": INNER},
        {"payload": {"after": "text"}, "after": INNER},
        INNER,
    ],
)
@pytest.mark.parametrize("more", ['"x": 1', '"x": "\\ud83d"'])
def test_the_first_place_that_holds_an_object_is_the_document(wrap: dict[str, Any], more: str) -> None:
    """A half of a surrogate pair makes the decoder a lenient one."""
    raw = json.dumps(wrap | {"op": "c"}).encode()[:-1] + f", {more}}}".encode()
    found = interaction_of(raw, UNWRAP)
    assert (found.session_id, found.user_id) == ("s-1", "c")
    assert json.loads(found.event)["itemId"] == "inner"


def test_what_is_broken_outside_of_the_document_does_no_harm() -> None:
    raw = b'{"itemId": NaN, "after": ' + json.dumps(INNER).encode() + b"}"
    assert event_of(raw, UNWRAP)["itemId"] == "inner"


RULES: list[tuple[dict[str, Any], Sequence[object], Sequence[object]]] = [
    ({"equals": 5}, [5, "5", 5.0], [6, "", None, [5], "05"]),
    ({"equals": True}, [True, "true"], [1, False, None]),
    ({"not_equals": "a"}, ["b", None, "", {}], ["a"]),
    ({"in": ["a", 1]}, ["a", 1, "1"], ["b", None]),
    ({"not_in": ["a", 1]}, ["b", None], ["a", "1"]),
    ({"exists": True}, [0, False, "a", [], {}], [None, "", " "]),
    ({"exists": False}, [None, ""], [0, "a"]),
    ({"above": 1}, [2, 1.5, "2", "1e3"], [1, "1", "x", None, True, []]),
    ({"below": 1}, [0, "-2"], [1, None, False]),
    ({"at_least": 1.5}, [1.5, "1.5", 2], [1, None]),
    ({"at_most": 1.5}, [1.5, 1, "0"], [2, "", None]),
    ({"contains": "bot"}, ["a bot!", ["x", "bot"]], ["Bot", ["a bot"], None, {}]),
    ({"contains": 7}, [[7], ["7"], "a7", 17], [[8], None]),
    ({"starts_with": "ab"}, ["abc"], ["cab", None, ["ab"]]),
]


@pytest.mark.parametrize(("rule", "value"), [(rule, each) for rule, holds, _ in RULES for each in holds])
def test_a_rule_that_holds_keeps_or_drops(rule: dict[str, Any], value: object) -> None:
    document = MINIMAL | {"a": value}
    assert isinstance(mapped(document, {"keep": [{"path": "a", **rule}]}), Interaction)
    skipped = mapped(document, {"drop": [{"path": "a", **rule, "name": "some-rule"}]})
    assert isinstance(skipped, Skipped)
    assert skipped.rule == "some-rule"


@pytest.mark.parametrize(("rule", "value"), [(rule, each) for rule, _, fails in RULES for each in fails])
def test_a_rule_that_does_not_hold_does_the_opposite(rule: dict[str, Any], value: object) -> None:
    document = MINIMAL | {"a": value}
    skipped = mapped(document, {"keep": [{"path": "a", **rule}]})
    assert isinstance(skipped, Skipped)
    assert skipped.rule == "keep:a"
    assert isinstance(mapped(document, {"drop": [{"path": "a", **rule}]}), Interaction)


def test_a_record_that_is_left_out_may_be_wrong_otherwise() -> None:
    assert isinstance(mapped({"type": "page"}, {"keep": [{"path": "type", "equals": "track"}]}), Skipped)


def test_all_rules_of_keep_must_hold_and_none_of_drop() -> None:
    mapping = {
        "keep": [{"path": "a", "at_least": 1}, {"path": "a", "below": 5}],
        "drop": [{"path": "a", "equals": 2}, {"path": ["b", "a"], "equals": 3}],
    }
    outcomes = [mapped(MINIMAL | {"a": value}, mapping) for value in range(6)]
    assert [each.rule if isinstance(each, Skipped) else "" for each in outcomes] == [
        "keep:a", "", "drop:a", "drop:b or a", "", "keep:a",
    ]  # fmt: skip


def test_a_filter_of_several_values_asks_the_first_and_contains_asks_all() -> None:
    document = MINIMAL | {"items": [{"id": "a"}, {"id": "b"}]}
    assert isinstance(mapped(document, {"keep": [{"path": "items[*].id", "equals": "b"}]}), Skipped)
    assert isinstance(mapped(document, {"keep": [{"path": "items[*].id", "contains": "b"}]}), Interaction)


EACH = {"each": "items", "item_id": "$each.id", "event_value": "$each.price", "event_id": "eventId"}


def fan_out(
    items: object, mapping: dict[str, Any] | None = None, headers: Headers = (), **members: object
) -> FanOut | Interaction | Undecodable | Skipped:
    document = MINIMAL | {"eventId": "e"} | members | {"items": items}
    return mapped(document, EACH | (mapping or {}), headers=headers)


def events(outcome: object) -> list[dict[str, Any]]:
    assert isinstance(outcome, FanOut), outcome
    return [json.loads(each.event) for each in outcome.outcomes if isinstance(each, Interaction)]


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("more", ['"x": 1', '"x": "\\ud83d"'])
def test_every_element_becomes_an_event_in_order(text: bool, more: str) -> None:  # noqa: FBT001  a parameter
    items = [{"id": "a", "price": 1}, {"id": "b"}, {"id": "c"}]
    document = MINIMAL | {"eventId": "e", "items": json.dumps(items) if text else items}
    raw = json.dumps(document).encode()[:-1] + f", {more}}}".encode()
    outcome = mapped(raw, EACH)
    assert [(each["itemId"], each["eventId"]) for each in events(outcome)] == [
        ("a", "e"), ("b", "e-1"), ("c", "e-2"),
    ]  # fmt: skip


@pytest.mark.parametrize("items", [None, [], "", " ", "[]", [None], [{}]])
def test_without_elements_there_is_one_event_with_nothing_of_one(items: object) -> None:
    outcome = fan_out(items)
    assert isinstance(outcome, Interaction)
    assert "itemId" not in json.loads(outcome.event)
    assert not hasattr(outcome.record, "index")


@pytest.mark.parametrize("items", [{"id": "a"}, [{"id": "a"}], '{"id": "a"}'])
def test_one_element_is_the_record_itself(items: object) -> None:
    outcome = fan_out(items)
    assert isinstance(outcome, Interaction)
    assert json.loads(outcome.event)["itemId"] == "a"
    assert json.loads(outcome.event)["eventId"] == "e"
    assert not hasattr(outcome.record, "index")


def test_elements_may_be_scalars_and_have_an_index() -> None:
    mapping = {"item_id": "$each", "event_value": None, "properties": {"object": {"place": "$index"}}}
    found = events(fan_out(["a", 7], mapping))
    assert [(each["itemId"], each["properties"]) for each in found] == [
        ("a", '{"place":0}'),
        ("7", '{"place":1}'),
    ]


@pytest.mark.parametrize(
    ("event_id", "ids"),
    [
        ("$each.uid", ["u-0", "u-1", "7d59f89a0e40-3-9-1700000000000-2"]),
        (["$each.uid", "eventId"], ["u-0", "u-1", "e-2"]),
        ("eventId", ["e", "e-1", "e-2"]),
        ({"join": ["eventId", "$index"], "separator": "."}, ["e.0", "e.1", "e.2"]),
        ("nowhere", ["7d59f89a0e40-3-9-1700000000000" + end for end in ("", "-1", "-2")]),
        (None, ["7d59f89a0e40-3-9-1700000000000" + end for end in ("", "-1", "-2")]),
    ],
)
def test_every_event_has_an_id_of_its_own(event_id: object, ids: list[str]) -> None:
    items = [{"uid": "u-0"}, {"uid": "u-1"}, {"uid": "undefined"}]
    found = events(fan_out(items, {"event_id": event_id}))
    expected = [each.replace("7d59f89a0e40-3-9", DERIVED) for each in ids]
    assert [each["eventId"] for each in found] == expected


DERIVED = event_of(MINIMAL)["eventId"].rpartition("-")[0]


@given(st.lists(st.sampled_from([{"id": "a"}, {"id": []}, {"id": "skip"}, None]), min_size=2, max_size=8))
def test_what_an_element_becomes_is_the_same_when_its_dead_letter_is_replayed(items: list[Any]) -> None:
    mapping = {"drop": [{"path": "$each.id", "equals": "skip"}], "event_id": None}
    first = fan_out(items, mapping)
    if not isinstance(first, FanOut):
        return
    for index, outcome in enumerate(first.outcomes):
        headers = (
            (names.ORIGINAL_TOPIC, b"interactions"),
            (names.ORIGINAL_PARTITION, b"0"),
            (names.ORIGINAL_OFFSET, b"0"),
            (names.ORIGINAL_TIMESTAMP, b"1700000000000"),
            (names.ELEMENT, b"%d" % index),
        )
        again = fan_out(items, mapping, headers)
        assert type(again) is type(outcome)
        assert not hasattr(again.record, "index")
        for name in ("event", "reason", "rule"):
            assert getattr(again, name, None) == getattr(outcome, name, None)


def test_a_header_that_names_an_element_counts_only_in_a_dead_letter() -> None:
    outcome = fan_out([{"id": "a"}, {"id": "b"}], headers=((names.ELEMENT, b"1"),))
    assert len(events(outcome)) == 2


def test_a_dead_letter_of_an_element_that_is_gone_says_so() -> None:
    headers = ((names.ORIGINAL_TOPIC, b"t"), (names.ORIGINAL_PARTITION, b"0"), (names.ORIGINAL_OFFSET, b"0"),
               (names.ELEMENT, b"5"))  # fmt: skip
    outcome = fan_out([{"id": "a"}, {"id": "b"}], headers=headers)
    assert isinstance(outcome, Undecodable)
    assert outcome.reason.text.startswith("element 5: nothing there; the record has 2")


def test_a_bad_element_is_a_dead_letter_of_its_own() -> None:
    outcome = fan_out([{"id": "a"}, {"id": ["secret"]}, {"id": "c"}])
    assert isinstance(outcome, FanOut)
    bad = outcome.outcomes[1]
    assert isinstance(bad, Undecodable)
    assert bad.reason.text == "element 1: item_id (`$each.id`): neither text nor an integer"
    assert [each["eventId"] for each in events(outcome)] == ["e", "e-2"]


def test_a_record_of_bad_elements_only_is_one_dead_letter() -> None:
    outcome = fan_out(
        [{"id": ["a"]}, {"id": "skip"}, {"id": {"a": 1}}], {"drop": [{"path": "$each.id", "equals": "skip"}]}
    )
    assert isinstance(outcome, Undecodable)
    assert not hasattr(outcome.record, "index")
    assert outcome.reason.text.startswith("element 0: item_id")
    assert outcome.reason.text.endswith("; and 1 more cannot be mapped")


@given(st.lists(st.sampled_from([["secret"], {"secret": "secret"}, "skip"]), min_size=2, max_size=9))
def test_of_bad_elements_the_first_is_told_and_how_many_more_there_are_and_nothing_of_them(
    items: list[Any],
) -> None:
    outcome = fan_out(items := [{"id": each} for each in items], {"drop": [SKIPPED]})
    bad = [index for index, each in enumerate(items) if each["id"] != "skip"]
    if not bad:
        assert isinstance(outcome, FanOut)
        return
    assert isinstance(outcome, Undecodable)
    more = f"; and {len(bad) - 1} more cannot be mapped" if len(bad) > 1 else ""
    first = f"element {bad[0]}: item_id (`$each.id`): neither text nor an integer"
    assert outcome.reason.text == first + more
    assert "secret" not in outcome.reason.text


SKIPPED = {"path": "$each.id", "equals": "skip"}


def test_what_all_elements_lack_is_said_of_the_record() -> None:
    reason = reason_of({"items": [{}, {}]}, EACH)
    assert reason.text.startswith("session_id: nothing at") or reason.text.startswith(
        "event_type: nothing at"
    )


def test_a_record_whose_elements_are_all_left_out_may_be_wrong_otherwise() -> None:
    outcome = mapped({"items": [{}, {}]}, EACH | {"keep": [{"path": "$each.id", "exists": True}]})
    assert isinstance(outcome, FanOut)
    assert all(isinstance(each, Skipped) and each.rule == "keep:$each.id" for each in outcome.outcomes)


def test_an_id_that_becomes_too_long_by_its_number_is_refused() -> None:
    outcome = fan_out([{}, {}], eventId="x" * 256)
    assert isinstance(outcome, FanOut)
    first, second = outcome.outcomes
    assert isinstance(first, Interaction)
    assert isinstance(second, Undecodable)
    assert second.reason.kind == "too_long"


LEVELS = {
    "each": {"order": "orders", "line": "$order.lines"},
    "event_id": "$order.id",
    "item_id": "$line.sku",
    "user_id": "$order.user",
    "recommendation_id": "$each.sku",
}


def test_levels_are_visited_in_order_and_ids_are_numbered_within_their_level() -> None:
    orders = [
        {"id": "o1", "user": "u1", "lines": [{"sku": "a"}, {"sku": "b"}]},
        {"id": "o2", "user": "u2", "lines": []},
        {"id": "o3", "user": "u3", "lines": json.dumps([{"sku": "c"}, {"sku": "d"}])},
    ]
    outcome = mapped(MINIMAL | {"orders": orders}, LEVELS)
    found = [(each["eventId"], each.get("itemId")) for each in events(outcome)]
    assert found == [("o1", "a"), ("o1-1", "b"), ("o2", None), ("o3", "c"), ("o3-1", "d")]
    assert isinstance(outcome, FanOut)
    assert [each.user_id for each in outcome.outcomes if isinstance(each, Interaction)] == [
        "u1", "u1", "u2", "u3", "u3",
    ]  # fmt: skip


@pytest.mark.parametrize("mapping", [EACH | {"each": "orders"}, LEVELS])
def test_too_many_elements_are_refused_and_as_many_as_may_be_are_not(mapping: dict[str, Any]) -> None:
    def outcome(elements: int) -> object:
        orders = (
            [{"id": "o", "lines": [{}] * (elements // 100)}] * 100 if mapping is LEVELS else [{}] * elements
        )
        return compile_mapping(mapping)(record(value=json.dumps(MINIMAL | {"orders": orders}).encode()))

    many = outcome(10_000)
    assert isinstance(many, FanOut)
    assert len(many.outcomes) == 10_000
    refused = outcome(10_100)
    assert isinstance(refused, Undecodable)
    assert refused.reason.kind == "too_many"


@pytest.mark.parametrize(
    ("mapping", "key", "hint"),
    [
        ({"unwrap": 5}, "unwrap", "a path or a list"),
        ({"unwrap": []}, "unwrap", "a path or a list"),
        ({"unwrap": ["a", "b."]}, "unwrap", "no path at character 2"),
        ({"unwrap": "$each.a", "each": "b"}, "unwrap", "takes `each`"),
        ({"each": "a"}, "each", "no field is of an element"),
        ({"each": ["a"]}, "each", "a path is text"),
        ({"each": {}}, "each", "the levels by name"),
        ({"each": "a[*].b"}, "each", "several arrays"),
        ({"each": "$each.a"}, "each", "takes `each`"),
        ({"each": {"key": "a"}}, "each.key", "means something else"),
        ({"each": {"A": "a"}}, "each.A", "small letters"),
        ({"each": {"a": "a", "b": "b"}}, "each.b", "begins at the element of the level before: `$a`"),
        ({"each": {"a": "$b.a", "b": "$a.b"}}, "each.a", "unknown place"),
        ({"each": {"order": "a"}, "item_id": "$ordre.id"}, "item_id", "did you mean `$order`?"),
        ({"keep": {}}, "keep", "a list of rules"),
        ({"keep": ["a"]}, "keep.0", "a rule is a mapping"),
        ({"keep": [{"equals": 1}]}, "keep.0", "names no path"),
        ({"keep": [{"path": "a"}]}, "keep.0", "a rule has one of equals,"),
        ({"keep": [{"path": "a", "above": 1, "below": 2}]}, "keep.0", "a rule has one of equals,"),
        ({"keep": [{"path": "a", "equls": 1}]}, "keep.0.equls", "did you mean `equals`?"),
        ({"drop": [{"path": "a", "equals": []}]}, "drop.0.equals", "text, a number"),
        ({"drop": [{"path": "a", "in": "b"}]}, "drop.0.in", "a list of texts"),
        ({"drop": [{"path": "a", "exists": "yes"}]}, "drop.0.exists", "true or false"),
        ({"drop": [{"path": "a", "above": "1"}]}, "drop.0.above", "a number"),
        ({"drop": [{"path": "a", "above": float("nan")}]}, "drop.0.above", "a number"),
        ({"drop": [{"path": "a", "contains": ""}]}, "drop.0.contains", "text or a number"),
        ({"drop": [{"path": "a.", "equals": 1}]}, "drop.0.path", "no path"),
        ({"drop": [{"path": "$each", "equals": 1}]}, "drop.0.path", "takes `each`"),
        ({"drop": [{"name": "A b", "path": "a", "equals": 1}]}, "drop.0.name", "small letters"),
        ({"drop": [{"name": "tombstone", "path": "a", "equals": 1}]}, "drop.0.name", "is taken"),
        (
            {
                "keep": [{"name": "n", "path": "a", "equals": 1}],
                "drop": [{"name": "n", "path": "a", "equals": 1}],
            },
            "drop.0.name",
            "is taken",
        ),
    ],
)
def test_a_mistake_is_told_by_key_and_with_a_hint(mapping: dict[str, Any], key: str, hint: str) -> None:
    with pytest.raises(MappingError) as error:
        compile_mapping(mapping)
    assert key in [mistake.key for mistake in error.value.mistakes]
    assert hint in " ".join(mistake.reason for mistake in error.value.mistakes if mistake.key == key)
