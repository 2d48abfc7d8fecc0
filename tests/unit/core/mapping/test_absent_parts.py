"""What a field counts as absent is no part of an id that is joined for it."""

from __future__ import annotations

import pytest

from tests.unit.core.mapping.mapping_records import MINIMAL, interaction_of

SESSION = {"session_id": {"path": [{"join": ["device", "session"]}, "device"], "absent": [-1, "none"]}}


@pytest.mark.parametrize(
    ("session", "joined"), [(17, "d-17"), ("17", "d-17"), (-1, "d"), ("-1", "d"), ("none", "d"), (None, "d")]
)
def test_an_absent_part_is_none_and_the_next_source_counts(session: object, joined: str) -> None:
    given = {**MINIMAL, "device": "d", "session": session}
    assert interaction_of(given, SESSION).session_id == joined


def test_without_such_words_the_part_stays() -> None:
    given = {**MINIMAL, "device": "d", "session": -1}
    assert interaction_of(given, {"session_id": {"join": ["device", "session"]}}).session_id == "d--1"
