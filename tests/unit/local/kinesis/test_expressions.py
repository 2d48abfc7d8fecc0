"""Conditions hold as they read; what is not known is refused; an update names each attribute once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.local.kinesis.expressions import Placeholders, Update, condition, update
from worker.local.kinesis.failures import AwsError

ONE, TWO = {"N": "1"}, {"N": "2"}
VALUES = {":one": ONE, ":two": TWO}
NAMES = {"#a": "a"}
ITEMS: list[Any] = [{}, {"a": ONE}, {"a": TWO}, {"b": ONE}, {"a": ONE, "b": TWO}]

LEAVES = st.sampled_from(
    [
        ("attribute_exists(a)", lambda item: "a" in item),
        ("attribute_not_exists( #a )", lambda item: "a" not in item),
        ("a = :one", lambda item: item.get("a") == ONE),
        (":two=b", lambda item: item.get("b") == TWO),
        ("a = b", lambda item: "a" in item and item.get("a") == item.get("b")),
    ]
)


def joined(parts: tuple[Any, Any, str]) -> Any:
    (one, holds), (other, holds_too), word = parts
    if word == "AND":
        return f"({one}) and ({other})", lambda item: holds(item) and holds_too(item)
    return f"({one}) OR ({other})", lambda item: holds(item) or holds_too(item)


CONDITIONS = st.recursive(
    LEAVES, lambda inner: st.tuples(inner, inner, st.sampled_from(["AND", "OR"])).map(joined), max_leaves=8
)


@given(CONDITIONS)
def test_a_condition_holds_as_it_reads(stated: Any) -> None:
    text, holds = stated
    found = condition(text, Placeholders(NAMES, VALUES))
    assert [found(item) for item in ITEMS] == [holds(item) for item in ITEMS]


def test_and_binds_more_than_or() -> None:
    found = condition("a = :one OR a = :two AND b = :two", Placeholders({}, VALUES))
    assert found({"a": ONE})
    assert not found({"a": TWO})


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "a", "a =", "= a", "a = :one AND", "AND a = :one", "(a = :one", "a = :one)", "a == :one"),
        *(
            "NOT a = :one",
            "a <> :one",
            "a > :one",
            "size(a) = :one",
            "a.b = :one",
            "a[0] = :one",
            "a = :none",
        ),
        *("#none = :one", "a IN (:one)", "attribute_exists(:one)", "attribute_exists a", "a = 1", "a = 'x'"),
        "x" * 5000,
    ],
)
def test_any_other_condition_is_refused(text: str) -> None:
    with pytest.raises(AwsError, match="ValidationException"):
        condition(text, Placeholders(NAMES, VALUES))


def test_an_update_is_read() -> None:
    found = update("set a = :one, b=:two REMOVE c , d", Placeholders({}, VALUES))
    assert found == Update({"a": ONE, "b": TWO}, ("c", "d"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "a = :one", "SET", "SET a", "SET a = b", "SET a = :one,", "SET a = :one + :two", "ADD a :one"),
        *(
            "SET a = :one SET b = :two",
            "SET a = :one, a = :two",
            "SET a = :one REMOVE a",
            "SET #a = :one, a = :one",
        ),
        *(
            "DELETE a :one",
            "REMOVE :one",
            "SET a.b = :one",
            "SET a = if_not_exists(a, :one)",
            "SET a = :one b",
        ),
    ],
)
def test_any_other_update_is_refused(text: str) -> None:
    with pytest.raises(AwsError, match="ValidationException"):
        update(text, Placeholders(NAMES, VALUES))


def test_each_placeholder_is_used() -> None:
    placeholders = Placeholders(NAMES, VALUES)
    condition("#a = :one", placeholders)
    with pytest.raises(AwsError, match=r"\{:two\}"):
        placeholders.must_be_used()
    condition("#a = :two", placeholders)
    placeholders.must_be_used()


def test_a_placeholder_has_a_form() -> None:
    with pytest.raises(AwsError, match="invalid key"):
        Placeholders({"a": "a"}, {})
