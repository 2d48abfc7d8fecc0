from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.core.leases.lease import At
from worker.core.leases.positions import at, position_of

SEQUENCES = st.integers(0, 10**56)
SUBSEQUENCES = st.integers(0, 2**32 - 1)


@given(sequence=SEQUENCES, subsequence=SUBSEQUENCES)
def test_a_position_becomes_the_checkpoint_of_its_record(sequence: int, subsequence: int) -> None:
    assert at(position_of(sequence, subsequence)) == At(sequence, subsequence)


@given(one=st.tuples(SEQUENCES, SUBSEQUENCES), other=st.tuples(SEQUENCES, SUBSEQUENCES))
def test_positions_are_in_the_order_of_the_records(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (one < other) == (position_of(*one) < position_of(*other))
