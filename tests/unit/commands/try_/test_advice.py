"""What stands at the places that a reason names, said to the person who asked to see the records."""

from __future__ import annotations

from typing import Any

import pytest

from worker.commands.try_.advice import Seen, names_columns, on_undecoded
from worker.commands.try_.colours import plain

ORDER = {
    "kopf": {"art": 90, "nr": "B-1"},
    "zeit": "27.11.2026 09:00:00",
    "ms": 1_795_770_000_000,
    "gast": True,
    "lines": [{"sku": "a", "price": "1,5"}, {"sku": {"id": "b"}, "price": "2,5"}],
}


def seen(mapping: dict[str, Any] | None = None, **document: object) -> Seen:
    return Seen(document or ORDER, ["ce_id"], mapping or {}, plain)


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("event_type (`kopf.art`): none of the `values` that the mapping lists", "kopf.art holds 90"),
        (
            "sent_at (`zeit`): not a time (unit: iso8601)",
            'zeit holds "27.11.2026 09:00:00"; that is {path: zeit, pattern: "%d.%m.%Y %H:%M:%S"}',
        ),
        (
            "sent_at (`ms`): not a time of the years 1973 to 2099 (unit: seconds)",
            "ms holds 1795770000000; that is {path: ms, unit: milliseconds}",
        ),
        ("item_id (`gast`): neither text nor an integer", "gast holds true"),
        ("item_id (`kopf`): neither text nor an integer", "kopf holds an object; in it: kopf.art, kopf.nr"),
        (
            "item_id (`lines[0]`): neither text nor an integer",
            "lines[0] holds an object; in it: lines[0].sku, lines[0].price, lines[0].sku.id",
        ),
        ("user_id (`nowhere` or `gast`): neither text nor an integer", "gast holds true"),
        (
            "event_type: nothing at `kopf.Art`; every event has a type",
            "kopf.Art is not there; near it: kopf.art",
        ),
        (
            "event_type: nothing at `purchase`; every event has a type",
            "purchase is not there; if all events are of this type, say {value: purchase}",
        ),
    ],
)
def test_a_reason_is_told_with_what_stands_there(reason: str, says: str) -> None:
    assert list(seen().on_reason(reason)) == [says]


def test_of_an_element_it_is_the_element_s_own_value() -> None:
    within = seen({"each": "lines"})
    reason = "event_value (`$each.price`): neither a number nor the text of one"
    holds = (
        '$each.price holds "{}"; with a comma for a decimal point that is {{path: $each.price, decimal: ","}}'
    )
    assert list(within.on_reason(reason)) == [holds.format("1,5")]
    assert list(within.on_reason(f"element 1: {reason}")) == [holds.format("2,5")]


@pytest.mark.parametrize("mapping", [{"each": {"a": "x", "b": "y"}}, {"unwrap": "payload"}, {}])
def test_what_is_not_found_is_not_said_to_be_absent_when_it_is_wrong(mapping: dict[str, Any]) -> None:
    for path in ("$each.price", "$b.price", "elsewhere", "lines[1].price", '"'):
        assert list(seen(mapping).on_reason(f"event_value (`{path}`): not a number")) == []


def test_an_item_at_a_place_that_nothing_is_near_is_told_and_of_other_fields_it_is_not() -> None:
    assert list(seen().on_absent("item_id", ["xyz"])) == ["xyz is not there"]
    assert list(seen().on_absent("item_id", ["xyz", "uvw"])) == []
    assert list(seen().on_absent("properties", ["xyz"])) == []


def test_the_line_that_names_the_columns_is_recognised() -> None:
    line = seen(zeit="\ufeffZEIT", kunde="Kunde")
    (said,) = line.on_reason("sent_at (`zeit`): not a time (unit: auto)")
    assert "it names the columns" in said
    assert not names_columns({"zeit": "1795770000", "kunde": "kunde"})
    assert not names_columns({})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"1795770000\tu\ts", "it may be tsv, 3 columns: record: {format: tsv, columns: [3 names]}"),
        (b"1795770000,u", "it may be csv, 2 columns: record: {format: csv, columns: [2 names]}"),
        (b"a;1,5", 'it may be csv, 2 columns: record: {format: csv, delimiter: ";", columns: [2 names]}'),
        (b'{"a": 1,', None),
        (b"\xff\t\x00", None),
        (b"text", None),
    ],
)
def test_a_line_of_columns_is_recognised(value: bytes, says: str | None) -> None:
    assert list(on_undecoded(value)) == ([] if says is None else [says])


def test_with_each_what_is_near_is_named_from_the_element_on() -> None:
    within = seen({"each": "lines"})
    assert list(within.on_absent("item_id", ["Sku"])) == ["Sku is not there; near it: $each.sku"]


def test_with_each_a_path_through_the_array_is_said_to_be_that_of_the_first_element() -> None:
    within = seen({"each": "lines"})
    (said,) = within.on_shared("item_id", ["lines[*].sku", "$each.sku", "kopf.nr"])
    assert said == "item_id: lines[*].sku is that of the first element for all events; say $each.sku"
    assert list(within.on_shared("impression", ["lines[*].sku"])) == []
    assert list(seen().on_shared("item_id", ["lines[*].sku"])) == []
