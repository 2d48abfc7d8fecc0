"""What is a value, and when two are equal."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.local.kinesis.failures import AwsError
from worker.local.kinesis.values import are_equal, checked_item, checked_value, item_bytes, number

EXACT = Context(prec=400)


@given(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(-80, 80), st.sampled_from(["", "0", "00"]))
def test_a_number_keeps_its_value_and_has_one_form(digits: int, exponent: int, zeros: str) -> None:
    sign, magnitude = ("-" if digits < 0 else ""), abs(digits)
    kept = number(f"{sign}{zeros}{magnitude}e{exponent}")
    assert EXACT.create_decimal(kept) == EXACT.create_decimal(f"{digits}e{exponent}")
    assert number(kept) == kept
    assert "e" not in kept.lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1_0",
        "NaN",
        "Infinity",
        "0x1",
        "\u0661",
        "1" * 39,
        "1e126",
        "1e-131",
        "1e99999",
        "9" * 2000,
    ],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(AwsError, match="ValidationException"):
        number(text)


@pytest.mark.parametrize(
    ("text", "kept"), [("-0", "0"), ("1" + "0" * 60, "1" + "0" * 60), (".5", "0.5"), ("1.", "1")]
)
def test_what_is_a_number_is_kept(text: str, kept: str) -> None:
    assert number(text) == kept
    assert Decimal(kept) == Decimal(text)


@pytest.mark.parametrize(
    "raw",
    [
        *(None, "a", [], {}, {"S": 1}, {"N": 1}, {"S": "a", "N": "1"}, {"X": "a"}, {"B": "AA=="}),
        *({"SS": []}, {"SS": ["a", "a"]}, {"NS": ["1", "1.0"]}, {"SS": [1]}, {"NULL": False}, {"BOOL": 1}),
        *({"L": [{}]}, {"M": {"a": "b"}}),
    ],
)
def test_what_is_no_value_is_refused(raw: Any) -> None:
    with pytest.raises(AwsError, match="ValidationException"):
        checked_value(raw)


def test_values_are_equal_by_type_and_by_what_they_mean() -> None:
    def same(one: Any, other: Any) -> bool:
        return are_equal(checked_value(one), checked_value(other))

    assert same({"N": "1"}, {"N": "1.00"})
    assert not same({"N": "1"}, {"S": "1"})
    assert same({"SS": ["a", "b"]}, {"SS": ["b", "a"]})
    assert not same({"L": [{"S": "a"}, {"S": "b"}]}, {"L": [{"S": "b"}, {"S": "a"}]})
    assert same({"M": {"a": {"N": "1"}}}, {"M": {"a": {"N": "1e0"}}})
    assert not same({"BOOL": True}, {"NULL": True})


def test_an_item_has_a_largest_size() -> None:
    assert item_bytes(checked_item({"a": {"S": "x" * (400 * 1024 - 1)}})) == 400 * 1024
    with pytest.raises(AwsError, match="Item size"):
        checked_item({"a": {"S": "x" * 400 * 1024}})
