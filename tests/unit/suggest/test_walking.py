"""Every place in a record has the path with which a mapping would name it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from worker.suggest.walking import walk


def paths(document: dict[str, Any]) -> dict[str, object]:
    return {place.path: value for place, value in walk(document)}


def test_members_are_joined_by_dots_and_quoted_where_a_path_would_read_them_otherwise() -> None:
    found = paths({"a": {"b.c": 1}, "$insert_id": 2, "7": 3, "x[0]": 4})
    assert found == {"a": {"b.c": 1}, 'a."b.c"': 1, '"$insert_id"': 2, '"7"': 3, '"x[0]"': 4}


def test_what_no_path_can_name_is_passed_over() -> None:
    assert paths({'a"b': 1, "a\\b": 2, "a\nb": 3, "": 4, "c": 5}) == {"c": 5}


def test_null_and_empty_text_have_a_place_too() -> None:
    assert paths({"a": None, "b": "", "c": 0}) == {"a": None, "b": "", "c": 0}


def test_elements_are_walked_into_one_after_the_other() -> None:
    found = [(place.path, value) for place, value in walk({"items": [{"id": 1}, {"id": 2}]})]
    assert found[1:] == [("items[*].id", 1), ("items[*].id", 2)]


def test_an_array_in_an_array_knows_both() -> None:
    document = {"events": [{"data": {"products": [{"id": 1}]}}]}
    (place,) = (place for place, value in walk(document) if value == 1)
    assert place.path == "events[*].data.products[*].id"
    assert place.arrays == ("events", "events[*].data.products")


def test_keys_and_values_are_looked_up_by_key() -> None:
    params = [
        {"key": "ga_session_id", "value": {"int_value": "17"}},
        {"key": "a ]b", "value": {"string_value": "x"}},
    ]
    found = paths({"event_params": params})
    assert found["event_params[key=ga_session_id].value.int_value"] == "17"
    assert found['event_params[key="a ]b"].value.string_value'] == "x"
    (place,) = (place for place, value in walk({"event_params": params}) if value == "17")
    assert place.names == ("event_params", "ga_session_id")


def test_things_with_a_name_are_no_keys_and_values() -> None:
    products = [{"name": "shirt", "id": 1, "price": 2, "value": 3}, {"name": "sock", "id": 2}]
    assert "products[*].id" in paths({"products": products})


def test_text_that_holds_json_is_opened() -> None:
    message = json.dumps({"detail": json.dumps({"id": 7})})
    assert paths({"Message": message})["Message.detail.id"] == 7


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=6), json_values, max_size=5))
def test_whatever_a_record_holds_walking_ends_well(document: dict[str, Any]) -> None:
    assert all(place.path for place, _ in walk(document))
