"""A suggestion agrees with the presets as often as it did: ``make suggest-table`` shows where."""

from __future__ import annotations

from tests.unit.suggest.agreement import Agreement, agreements, table


def total(counts: list[dict[str, int]]) -> int:
    return sum(sum(each.values()) for each in counts)


def test_two_of_three_values_are_found_and_three_of_four_presets_named() -> None:
    """A preset has a few samples, of as many shapes as there are on purpose: a topic tells far more."""
    found = agreements()
    right, values = total([each.right for each in found]), total([each.values for each in found])
    assert right / values > 0.66, table(found)
    assert sum(each.preset in each.named for each in found) / len(found) > 0.75, table(found)


def test_flat_records_are_found_whole() -> None:
    of: dict[str, Agreement] = {each.preset: each for each in agreements()}
    for preset in ("personalize_connector", "put_events", "put_events_pascal"):
        assert of[preset].right == of[preset].values
