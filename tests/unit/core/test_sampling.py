from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.core.sampling import OneIn


@given(st.integers(1, 20), st.lists(st.integers(0, 50)))
def test_the_first_of_every_so_many_is_chosen_however_they_come(every: int, counts: list[int]) -> None:
    sample, before, chosen = OneIn(every), 0, []
    for count in counts:
        among = list(sample.among(count))
        assert all(0 <= index < count for index in among)
        chosen += [before + index for index in among]
        before += count
    assert chosen == list(range(0, sum(counts), every))
