"""Five reads and 2 MiB a second, and after more than that a longer wait."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.local.kinesis.read_limits import BYTES_PER_SECOND, ReadLimits


def test_five_reads_a_second() -> None:
    limits = ReadLimits()
    assert [limits.allow(0.1 * number) for number in range(6)] == [True] * 5 + [False]
    assert limits.allow(1.0)


def test_after_ten_mebibytes_nothing_for_five_seconds() -> None:
    limits = ReadLimits()
    assert limits.allow(0)
    limits.note(10 << 20)
    assert not limits.allow(4.9)
    assert limits.allow(5.0)


@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 10 << 20)), max_size=60))
def test_in_the_long_run_it_is_never_more(reads: list[tuple[float, int]]) -> None:
    limits, now, given_bytes, count = ReadLimits(), 0.0, 0, 0
    for pause, size in reads:
        now += pause
        if limits.allow(now):
            limits.note(size)
            given_bytes += size
            count += 1
    # One window more than whole seconds have passed, with the last read in it.
    assert count <= 5 * (now + 1)
    assert given_bytes <= BYTES_PER_SECOND * (now + 1) + (10 << 20)
