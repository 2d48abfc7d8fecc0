"""Which letters are meant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.replay.letters import FAILED_AT, LetterTopicTwin, source_record
from worker.core.model.records import Reason
from worker.dead_letters.reading import Letter, open_letter
from worker.replay.selection import Selection

TAKES: tuple[dict[str, Any], ...] = (
    {},
    {"kinds": ("missing", "refused")},
    {"since": FAILED_AT},
    {"until": FAILED_AT + 1},
    {"topic": "views"},
    {"partition": 2},
    {"offsets": (41, 42)},
    {"letters": ((0, 0), (5, 5))},
)
LEAVES: tuple[dict[str, Any], ...] = (
    {"kinds": ("refused",)},
    {"since": FAILED_AT + 1},
    {"until": FAILED_AT},
    {"topic": "clicks"},
    {"partition": 0},
    {"offsets": (43, 50)},
    {"letters": ((0, 1),)},
    {"exhausted": True},
)


def a_letter() -> Letter:
    topic = LetterTopicTwin()
    topic.dead_letter(source_record(42, "s", partition=2, topic="views"), Reason("missing", "no session"))
    letter = open_letter(topic.logs[0][0])
    assert letter is not None
    return letter


@pytest.mark.parametrize("filters", TAKES)
def test_what_fits_is_taken(filters: dict[str, Any]) -> None:
    assert Selection(**filters).takes(a_letter())


@pytest.mark.parametrize("filters", LEAVES)
def test_what_does_not_fit_is_left(filters: dict[str, Any]) -> None:
    assert not Selection(**filters).takes(a_letter())


def test_every_filter_has_to_fit() -> None:
    assert not Selection(topic="views", partition=0).takes(a_letter())


def test_other_filters_have_another_name_and_the_same_the_same() -> None:
    every = [Selection(**filters) for filters in (*TAKES, *LEAVES)]
    assert len({each.name() for each in every}) == len(every)
    assert Selection(topic="views").name() == Selection(topic="views").name()
    assert Selection().name() == "all"


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=5),
    st.integers(0, 20),
    st.integers(0, 20),
)
def test_letters_that_are_named_are_looked_for_where_they_stand(
    places: list[tuple[int, int]], low: int, length: int
) -> None:
    selection = Selection(letters=tuple(sorted(set(places))))
    for partition in range(4):
        start, end = selection.span(partition, low, low + length)
        there = {offset for number, offset in places if number == partition and low <= offset < low + length}
        assert there <= set(range(start, end))
        assert low <= start <= end <= low + length
        assert bool(there) == (start < end)
