"""Values are rated by the field's own cast, and by how such values behave."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from worker.suggest.candidates import LIKELY
from worker.suggest.plausibility import rate

NOW = 1_767_225_600


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (NOW, "seconds"),
        (str(NOW), "seconds"),
        (NOW * 10**3, "milliseconds"),
        (NOW * 10**6, "microseconds"),
        (NOW * 10**9, "nanoseconds"),
        (datetime.fromtimestamp(NOW, UTC).isoformat(), "iso8601"),
        ("2013-11-26 00:02:04.123", "iso8601"),
    ],
)
def test_a_time_has_its_unit(value: object, unit: str) -> None:
    rating = rate("sent_at", [value] * 3)
    assert rating.unit == unit
    assert rating.score > 0.9


def test_times_in_several_units_are_auto() -> None:
    assert rate("sent_at", [NOW, NOW * 1000]).unit == "auto"


@pytest.mark.parametrize("value", [7, "yesterday", True, "20260101", 0])
def test_what_is_no_time_is_none(value: object) -> None:
    assert rate("sent_at", [value]).score == 0


def test_an_event_s_id_is_there_once() -> None:
    assert rate("event_id", [f"m{number}" for number in range(50)]).score == 1
    assert rate("event_id", [f"m{number % 10}" for number in range(50)]).score < 0.2


def test_event_types_are_a_few_words() -> None:
    assert rate("event_type", ["view", "buy"] * 20).score == 1
    assert rate("event_type", ["track"] * 40).score < 1
    assert rate("event_type", [f"title {number}" for number in range(40)]).score < 0.2
    assert 0 < rate("event_type", ["1", "2"] * 20).score < LIKELY
    assert rate("event_type", list(range(40))).score == rate("event_type", [1] * 40).score == 0


def test_placeholders_are_no_point_against_an_id() -> None:
    assert rate("user_id", ["undefined", "u1", "u1", "u2"]).score == 1
    assert rate("user_id", ["undefined", "null"]).score == 0


def test_an_item_that_all_records_have_is_hardly_one() -> None:
    assert rate("item_id", ["shop-1"] * 20).score < 0.5


def test_properties_must_fit() -> None:
    assert rate("properties", [{"a": 1}]).score == 1
    assert rate("properties", [{"a": "x" * 2000}]).score == 0
    assert rate("properties", [{"userId": "u"}]).score == 0
