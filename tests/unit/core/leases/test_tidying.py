from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.shards import ShardsTwin, key_of
from tests.unit.core.leases.test_lease import CHECKPOINTS
from tests.unit.core.leases.test_shard_tree import lease_of, made
from worker.core.leases.lease import At, Checkpoint, Lease, Sentinel
from worker.core.leases.tidying import rows_to_delete


def tree(parent: Checkpoint, one: Checkpoint, other: Checkpoint) -> tuple[ShardsTwin, dict[str, Lease]]:
    shards = ShardsTwin(1)
    keys = shards.split(0)
    checkpoints = dict(zip((key_of(0), *keys), (parent, one, other), strict=True))
    leases = {key: lease_of(shards.listed[key], each) for key, each in checkpoints.items()}
    shards.expire(0)
    return shards, leases


def test_a_row_goes_when_its_shard_is_done_and_gone_and_its_children_are_begun() -> None:
    shards, leases = tree(Sentinel.SHARD_END, At(7), Sentinel.SHARD_END)
    assert [row.key for row in rows_to_delete(leases, shards.listed)] == [key_of(0)]


@pytest.mark.parametrize("beginning", [Sentinel.TRIM_HORIZON, Sentinel.LATEST, Sentinel.AT_TIMESTAMP])
def test_it_stays_while_a_child_is_not_begun(beginning: Sentinel) -> None:
    shards, leases = tree(Sentinel.SHARD_END, At(7), beginning)
    assert rows_to_delete(leases, shards.listed) == ()


def test_it_stays_while_the_stream_lists_the_shard() -> None:
    shards, leases = tree(Sentinel.SHARD_END, At(7), At(7))
    assert rows_to_delete(leases, {*shards.listed, key_of(0)}) == ()


def test_it_stays_while_a_child_has_no_row() -> None:
    shards, leases = tree(Sentinel.SHARD_END, At(7), At(7))
    leases[key_of(0)] = Lease(
        key=key_of(0), checkpoint=Sentinel.SHARD_END, children=frozenset({key_of(1), key_of(2), key_of(9)})
    )
    assert rows_to_delete(leases, shards.listed) == ()


def test_a_row_of_which_no_child_is_known_stays() -> None:
    lease = Lease(key=key_of(0), checkpoint=Sentinel.SHARD_END)
    assert rows_to_delete({lease.key: lease}, ()) == ()


def test_parents_go_before_their_children() -> None:
    shards, leases = tree(Sentinel.SHARD_END, Sentinel.SHARD_END, At(7))
    grandchildren = {key: lease_of(shards.listed[key], At(9)) for key in shards.split(1)}
    shards.expire(1)
    leases |= grandchildren
    assert [row.key for row in rows_to_delete(leases, shards.listed)] == [key_of(0)]
    del leases[key_of(0)]
    assert [row.key for row in rows_to_delete(leases, shards.listed)] == [key_of(1)]


@given(parent=CHECKPOINTS, one=CHECKPOINTS, other=CHECKPOINTS, start=st.sampled_from(Sentinel))
def test_what_is_deleted_is_done_and_is_never_made_anew(
    parent: Checkpoint, one: Checkpoint, other: Checkpoint, start: Sentinel
) -> None:
    shards, leases = tree(parent, one, other)
    for row in rows_to_delete(leases, shards.listed):
        assert row.is_finished
        del leases[row.key]
        assert row.key not in made(shards, leases, start)
