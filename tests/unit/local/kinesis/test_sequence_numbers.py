"""56 digits, taken apart as they were put together, and ordered as what they are made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.local.kinesis.sequence_numbers import LAST_INDEX, SequenceNumber, parsed

SECONDS = st.integers(0, 16_025_174_999)
NUMBERS = st.builds(
    SequenceNumber,
    shard=st.integers(0, 2**31 - 1),
    created_seconds=SECONDS,
    index=st.integers(0, LAST_INDEX),
    at_seconds=SECONDS,
)
# What AWS gave out, as its own documentation shows it.
OF_AWS = 49590338271490256608559692538361571095921575989136588898


@given(NUMBERS)
def test_a_number_is_taken_apart_as_it_was_put_together(number: SequenceNumber) -> None:
    assert parsed(int(number)) == number
    assert len(str(int(number))) == 56


@given(NUMBERS, NUMBERS)
def test_a_shard_made_later_has_larger_numbers(one: SequenceNumber, other: SequenceNumber) -> None:
    if one.created_seconds < other.created_seconds:
        assert int(one) < int(other)


@given(st.integers(0, 2**200))
def test_any_number_is_one_or_none(number: int) -> None:
    found = parsed(number)
    assert found is None or parsed(int(found)) == found


def test_a_number_of_aws_is_understood() -> None:
    found = parsed(OF_AWS)
    assert found is not None
    assert found.shard == 6
    assert 1_500_000_000 < found.created_seconds <= found.at_seconds < 1_600_000_000
