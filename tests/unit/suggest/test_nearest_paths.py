"""A path that leads nowhere is answered by the paths that were probably meant."""

from __future__ import annotations

import pytest

from worker.suggest.nearest_paths import named_in, nearest_paths, nearest_words, paths_in

DOCUMENT = {
    "event": "Product Viewed",
    "anonymousId": "a",
    "properties": {"product_id": "p", "price": 1, "products": [{"product_id": "q", "qty": 2}]},
    "context": {"page": {"path": "/"}},
}
THERE = paths_in(DOCUMENT)


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("properties.productId", "properties.product_id"),  # spelled otherwise
        ("Event", "event"),  # in another case
        ("product_id", "properties.product_id"),  # stands deeper
        ("properties.page.path", "context.page.path"),  # stands elsewhere
        ("anonymous_id", "anonymousId"),
        ("propertes.price", "properties.price"),
        ("$each.productId", "$each.product_id"),  # of an element
        ("$product.qtty", "$product.qty"),
    ],
)
def test_it_is_the_first_that_is_named(path: str, nearest: str) -> None:
    assert nearest_paths(path, THERE)[0] == nearest


@pytest.mark.parametrize(
    "path", ["event", "properties.products[0].qty", "zzz", "properties.colour", "$each.zzz"]
)
def test_what_is_there_or_like_nothing_has_no_neighbours(path: str) -> None:
    assert nearest_paths(path, THERE) == []


def test_there_are_at_most_three() -> None:
    assert len(nearest_paths("event_id", [f"event_id{number}" for number in range(9)])) == 3


def test_a_reason_names_its_paths_once() -> None:
    reason = "session_id: nothing at `a.b` or `$each.c`; a record without a session cannot be delivered `a.b`"
    assert named_in(reason) == ["a.b", "$each.c"]


def test_headers_are_compared_as_words() -> None:
    assert nearest_words("ce-id", ["ce_id", "traceparent"]) == ["ce_id"]
