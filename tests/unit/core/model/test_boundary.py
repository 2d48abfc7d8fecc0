"""Of boundaries that a source gives back, which ones include what was taken before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.model.boundary import Before, Boundary, Through
from worker.core.model.partition import Partition


@pytest.mark.parametrize(
    ("committed", "taken", "is_included"),
    [
        (Before(7), Through(6), True),
        (Before(7), Through(7), False),
        (Before(7), Before(7, last=6), True),
        (Before(7), Before(8, last=6), False),
        (Through(6), Through(6), True),
        (Through(6), Through(7), False),
        (Through(6), Before(900, last=6), True),
        (Through(6), Before(900, last=8), False),
        (Through(6), Before(3), True),
    ],
    ids=str,
)
def test_what_is_committed_includes(committed: Boundary, taken: Boundary, *, is_included: bool) -> None:
    assert committed.covers(taken) is is_included


@given(st.integers(min_value=0), st.integers(min_value=1))
def test_a_boundary_includes_itself_and_no_later_record(position: int, gap: int) -> None:
    for boundary in (Through(position), Before(position)):
        assert boundary.covers(boundary)
        assert not boundary.covers(Through(position + gap))


def test_a_partition_prints_itself_and_is_found_by_what_a_message_says() -> None:
    partition = Partition("interactions", 3)
    assert f"{partition}" == "interactions[3]"
    assert {partition: "found"}["interactions", 3] == "found"  # type: ignore[index]  # as for each record
    assert Partition("a", 10) > Partition("a", 9)
