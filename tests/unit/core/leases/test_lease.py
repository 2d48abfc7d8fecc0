from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.core.leases.lease import At, Checkpoint, Lease, Sentinel, is_ahead

CHECKPOINTS: st.SearchStrategy[Checkpoint] = st.one_of(
    st.builds(At, st.integers(0, 5), st.integers(0, 3)), st.sampled_from(Sentinel)
)


@given(one=CHECKPOINTS, other=CHECKPOINTS)
def test_of_two_checkpoints_never_both_are_ahead(one: Checkpoint, other: Checkpoint) -> None:
    assert not (is_ahead(one, other) and is_ahead(other, one))


@given(one=CHECKPOINTS, other=CHECKPOINTS, third=CHECKPOINTS)
def test_ahead_of_what_is_ahead_is_ahead(one: Checkpoint, other: Checkpoint, third: Checkpoint) -> None:
    if is_ahead(one, other) and is_ahead(other, third):
        assert is_ahead(one, third)


def test_a_record_is_ahead_of_every_beginning_and_the_end_of_every_record() -> None:
    for beginning in (Sentinel.TRIM_HORIZON, Sentinel.LATEST, Sentinel.AT_TIMESTAMP):
        assert is_ahead(At(1), beginning)
    assert is_ahead(Sentinel.SHARD_END, At(10**56))


def test_the_subsequence_counts_within_an_aggregate() -> None:
    assert is_ahead(At(7, 1), At(7, 0))
    assert is_ahead(At(8, 0), At(7, 9))


def test_a_lease_is_finished_at_the_end_of_its_shard_only() -> None:
    assert Lease(key="s", checkpoint=Sentinel.SHARD_END).is_finished
    assert not Lease(key="s", checkpoint=At(1)).is_finished
