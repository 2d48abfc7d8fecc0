"""Names are known in every spelling, and a vague one is read with the one before it."""

from __future__ import annotations

import pytest

from worker.core.operations.put_events import PUT_EVENTS
from worker.suggest.vocabulary import NAMES, name_score


def test_every_field_has_its_names() -> None:
    assert NAMES.keys() == {field.name for field in PUT_EVENTS.fields}
    assert all(0 <= weight <= 1 for names in NAMES.values() for weight in names.values())


@pytest.mark.parametrize(
    "name", ["productId", "product_id", "ProductID", "product-id", "Product Id", "$product_id"]
)
def test_a_spelling_makes_no_difference(name: str) -> None:
    assert name_score("item_id", ["properties", name]) == 1


def test_a_vague_name_means_what_stands_before_it() -> None:
    assert name_score("item_id", ["product", "id"]) > 0.9
    assert name_score("item_id", ["products", "id"]) > 0.9
    assert name_score("user_id", ["user", "id"]) > 0.9
    assert name_score("event_id", ["id"]) > name_score("event_id", ["product", "id"])


def test_a_longer_name_counts_a_little_less() -> None:
    assert 0.8 < name_score("session_id", ["ga_session_id"]) < 1


def test_a_foreign_name_counts_nothing() -> None:
    assert name_score("user_id", ["properties", "colour"]) == 0
    assert name_score("user_id", []) == 0
