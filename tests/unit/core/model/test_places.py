"""Offsets of Kafka and positions of Kinesis are told apart, shown and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.leases.positions import position_of
from worker.core.model.places import MOST_OFFSET, last_of, read_place, shown_place, written_place

SEQUENCES = st.integers(10**55, 10**56 - 1)


@given(offset=st.integers(0, MOST_OFFSET))
def test_an_offset_is_shown_as_it_is(offset: int) -> None:
    assert shown_place(offset) == str(offset)
    assert read_place(str(offset)) == written_place(offset) == last_of(offset) == offset


@given(sequence=SEQUENCES, subsequence=st.integers(0, 2**32 - 1))
def test_a_position_is_shown_by_its_sequence_number_and_read_back(sequence: int, subsequence: int) -> None:
    position = position_of(sequence, subsequence)
    shown = shown_place(position)
    assert shown.split(".")[0] == str(sequence)
    assert read_place(shown) == position
    assert written_place(position) == shown
    assert position <= last_of(position) < position_of(sequence + 1)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "9" * 130, f"{10**56}.{2**32}", "1_0", " 1", "٣"])
def test_what_is_no_place_is_none(text: str) -> None:
    assert read_place(text) is None
