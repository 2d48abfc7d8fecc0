"""Which leases are made and where they begin: as in the KCL's shard syncer, whose example is played here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.shards import ShardsTwin, key_of
from worker.core.leases.lease import At, Checkpoint, Lease, Sentinel
from worker.core.leases.shard_tree import children_of, is_covered, is_readable, leases_to_make, stream_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.core.leases.shards import Shard

STARTS = (Sentinel.TRIM_HORIZON, Sentinel.LATEST, Sentinel.AT_TIMESTAMP)
starts = pytest.mark.parametrize("start", STARTS)


def lease_of(shard: Shard, checkpoint: Checkpoint) -> Lease:
    return Lease(key=shard.key, checkpoint=checkpoint, parents=shard.parents, hash_range=shard.hash_range)


def made(
    shards: ShardsTwin,
    leases: Mapping[str, Lease],
    start: Sentinel,
    remembered: Mapping[str, Checkpoint] | None = None,
) -> dict[str, Checkpoint]:
    return {
        lease.key: lease.checkpoint
        for lease in leases_to_make(shards.listed, leases, start, remembered or {})
    }


@starts
def test_in_an_empty_table_open_shards_begin_where_the_configuration_says(start: Sentinel) -> None:
    shards = ShardsTwin(3)
    assert made(shards, {}, start) == {key_of(0): start, key_of(1): start, key_of(2): start}


def test_at_latest_what_is_closed_is_not_read_at_first() -> None:
    shards = ShardsTwin(1)
    one, other = shards.split(0)
    assert made(shards, {}, Sentinel.LATEST) == {one: Sentinel.LATEST, other: Sentinel.LATEST}


@pytest.mark.parametrize("start", [Sentinel.TRIM_HORIZON, Sentinel.AT_TIMESTAMP])
def test_from_the_beginning_what_is_closed_is_read_and_made_first(start: Sentinel) -> None:
    shards = ShardsTwin(1)
    one, other = shards.split(0)
    assert list(made(shards, {}, start).items()) == [(key_of(0), start), (one, start), (other, start)]


@pytest.mark.parametrize(
    ("start", "first"),
    [
        (Sentinel.LATEST, Sentinel.TRIM_HORIZON),
        (Sentinel.TRIM_HORIZON, Sentinel.TRIM_HORIZON),
        (Sentinel.AT_TIMESTAMP, Sentinel.AT_TIMESTAMP),
    ],
)
def test_a_child_of_a_shard_with_a_lease_never_begins_at_latest(start: Sentinel, first: Sentinel) -> None:
    shards = ShardsTwin(1)
    parent = lease_of(shards.listed[key_of(0)], At(5))
    one, other = shards.split(0)
    assert made(shards, {parent.key: parent}, start) == {one: first, other: first}


def test_generations_that_nobody_saw_are_all_read() -> None:
    shards = ShardsTwin(1)
    parent = lease_of(shards.listed[key_of(0)], At(5))
    shards.split(0)
    shards.split(1)
    shards.merge(2, 4)
    first = Sentinel.TRIM_HORIZON
    assert made(shards, {parent.key: parent}, Sentinel.LATEST) == {
        key_of(number): first for number in (1, 2, 3, 4, 5)
    }


def test_where_generations_are_gone_the_hash_keys_tell_what_a_shard_was_made_of() -> None:
    shards = ShardsTwin(2)
    old = lease_of(shards.listed[key_of(0)], At(5))
    other = lease_of(shards.listed[key_of(1)], At(5))
    shards.split(0)
    shards.split(2)
    shards.expire(0, 2)
    leases = {old.key: old, other.key: other}
    assert set(made(shards, leases, Sentinel.LATEST).values()) == {Sentinel.TRIM_HORIZON}


def test_what_was_not_filled_in_the_first_time_begins_at_latest() -> None:
    shards = ShardsTwin(2)
    first = lease_of(shards.listed[key_of(0)], Sentinel.LATEST)
    assert made(shards, {first.key: first}, Sentinel.LATEST) == {key_of(1): Sentinel.LATEST}


def test_of_two_parents_the_one_that_nobody_read_begins_at_latest() -> None:
    shards = ShardsTwin(2)
    read = lease_of(shards.listed[key_of(0)], At(5))
    child = shards.merge(0, 1)
    assert made(shards, {read.key: read}, Sentinel.LATEST) == {
        key_of(1): Sentinel.LATEST,
        child: Sentinel.TRIM_HORIZON,
    }


def test_a_child_of_a_shard_that_is_still_listed_as_open_is_left_for_the_next_time() -> None:
    shards = ShardsTwin(1)
    before = shards.listed[key_of(0)]
    shards.split(0)
    shards.listed[key_of(0)] = before
    parent = lease_of(before, At(5))
    assert made(shards, {parent.key: parent}, Sentinel.LATEST) == {}


def test_a_row_made_anew_goes_on_where_it_was() -> None:
    shards = ShardsTwin(2)
    other = lease_of(shards.listed[key_of(1)], At(9))
    remembered = {key_of(0): At(5)}
    assert made(shards, {other.key: other}, Sentinel.LATEST, remembered) == {key_of(0): At(5)}


def test_a_child_of_a_shard_whose_row_was_deleted_does_not_begin_at_latest() -> None:
    shards = ShardsTwin(2)
    other = lease_of(shards.listed[key_of(1)], At(9))
    one, two = shards.split(0)
    assert made(shards, {other.key: other}, Sentinel.LATEST, {key_of(0): At(5)}) == {
        key_of(0): At(5),
        one: Sentinel.TRIM_HORIZON,
        two: Sentinel.TRIM_HORIZON,
    }


def test_a_parent_whose_row_was_deleted_is_made_anew_while_its_child_waits() -> None:
    shards = ShardsTwin(1)
    keys = shards.split(0)
    leases = {key: lease_of(shards.listed[key], Sentinel.TRIM_HORIZON) for key in keys}
    assert made(shards, leases, Sentinel.LATEST) == {key_of(0): Sentinel.TRIM_HORIZON}
    assert made(shards, leases, Sentinel.LATEST, {key_of(0): Sentinel.SHARD_END}) == {}
    assert not readable(leases[keys[0]], leases, shards)
    assert is_readable(leases[keys[0]], leases, shards.listed, {key_of(0): Sentinel.SHARD_END})


def test_a_parent_that_was_tidied_away_is_not_made_anew() -> None:
    shards = ShardsTwin(1)
    leases = {key: lease_of(shards.listed[key], At(5)) for key in shards.split(0)}
    for start in STARTS:
        assert made(shards, leases, start) == {}


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (Sentinel.LATEST, {6: Sentinel.LATEST, 8: Sentinel.TRIM_HORIZON}),
        (Sentinel.TRIM_HORIZON, dict.fromkeys((0, 1, 6, 8), Sentinel.TRIM_HORIZON)),
        (Sentinel.AT_TIMESTAMP, dict.fromkeys((0, 1, 6, 8), Sentinel.AT_TIMESTAMP)),
    ],
)
def test_the_example_of_the_kcl(start: Sentinel, expected: dict[int, Sentinel]) -> None:
    """Shards 6 and 7 of 0 and 1, 2 and 3; 8 of 6 and 7; 9 and 10 of 5. Leases of 4, 5 and 7.

    The KCL makes the children's leases when their parents end, here they are made at once, and wait. With
    LATEST it makes 6 alone at first; with the others, 0 and 1.
    """
    shards = ShardsTwin(6)
    shards.merge(0, 1)
    shards.merge(2, 3)
    shards.merge(6, 7)
    shards.split(5)
    leases = {key_of(number): lease_of(shards.listed[key_of(number)], At(5)) for number in (4, 5, 7)}
    children = dict.fromkeys((9, 10), Sentinel.AT_TIMESTAMP if start is STARTS[2] else Sentinel.TRIM_HORIZON)
    assert made(shards, leases, start) == {
        key_of(number): each for number, each in (expected | children).items()
    }


def readable(lease: Lease, leases: Mapping[str, Lease], shards: ShardsTwin) -> bool:
    return is_readable(lease, leases, shards.listed, {})


def test_a_shard_waits_until_all_that_it_was_made_of_is_done() -> None:
    shards = ShardsTwin(2)
    leases = {key: lease_of(shard, At(5)) for key, shard in shards.listed.items()}
    child = shards.merge(0, 1)
    leases[child] = lease_of(shards.listed[child], Sentinel.TRIM_HORIZON)
    assert not readable(leases[child], leases, shards)
    leases[key_of(0)] = lease_of(shards.listed[key_of(0)], Sentinel.SHARD_END)
    assert not readable(leases[child], leases, shards)
    leases[key_of(1)] = lease_of(shards.listed[key_of(1)], Sentinel.SHARD_END)
    assert readable(leases[child], leases, shards)


def test_a_parent_that_is_gone_counts_as_done() -> None:
    shards = ShardsTwin(2)
    child = shards.merge(0, 1)
    shards.expire(0, 1)
    lease = lease_of(shards.listed[child], Sentinel.TRIM_HORIZON)
    assert readable(lease, {child: lease}, shards)


def test_a_list_from_before_a_shard_was_made_tells_nothing_of_its_parents() -> None:
    shards = ShardsTwin(2)
    before = dict(shards.listed)
    shards.split(0)
    child, _ = shards.split(2)
    lease = lease_of(shards.listed[child], Sentinel.TRIM_HORIZON)
    assert not is_readable(lease, {child: lease}, before, {})


def test_a_parent_without_a_lease_counts_as_done_for_a_shard_that_begins_at_latest() -> None:
    shards = ShardsTwin(1)
    child, _ = shards.split(0)
    lease = lease_of(shards.listed[child], Sentinel.LATEST)
    assert readable(lease, {child: lease}, shards)


def test_what_a_shard_became_is_known_when_all_its_hash_keys_went_somewhere() -> None:
    shards = ShardsTwin(1)
    keys = shards.split(0)
    parent = shards.listed[key_of(0)]
    children = children_of(parent.key, shards.listed.values())
    assert {child.key for child in children} == set(keys)
    assert is_covered(parent, children)
    assert not is_covered(parent, children[:1])
    assert not is_covered(parent, ())


def test_the_key_tells_the_stream() -> None:
    assert stream_of("shardId-000000000001") == ""
    assert stream_of("1234:clicks:17:shardId-000000000001") == "1234:clicks:17"


@given(
    size=st.integers(1, 4),
    reshards=st.lists(st.tuples(st.booleans(), st.integers(0, 100)), max_size=8),
    leased=st.integers(0),
    start=st.sampled_from(STARTS),
)
def test_whatever_was_resharded_each_open_shard_gets_a_lease_and_each_parent_comes_first(
    size: int, reshards: list[tuple[bool, int]], leased: int, start: Sentinel
) -> None:
    shards = ShardsTwin(size)
    for is_split, pick in reshards:
        reshard(shards, pick, is_split=is_split)
    rows = {
        shard.key: lease_of(shard, At(5)) for shard in shards.listed.values() if leased >> shard.number & 1
    }
    before = dict(rows)
    for lease in leases_to_make(shards.listed, rows, start, {}):
        assert all(parent in rows for parent in lease.parents if parent in made(shards, before, start))
        if lease.parents & rows.keys():
            assert lease.checkpoint is not Sentinel.LATEST or shards.listed[lease.key].is_closed
        rows[lease.key] = lease
    assert all(shard.key in rows for shard in shards.listed.values() if not shard.is_closed)
    # And then there is nothing left to make.
    assert made(shards, rows, start) == {}


def reshard(shards: ShardsTwin, pick: int, *, is_split: bool) -> None:
    opened = sorted(
        (shard for shard in shards.listed.values() if not shard.is_closed), key=lambda each: each.hash_range
    )
    shard = opened[pick % len(opened)]
    if is_split and shard.hash_range[0] < shard.hash_range[1]:
        shards.split(shard.number)
    elif len(opened) > 1:
        left, right = opened[pick % (len(opened) - 1) :][:2]
        shards.merge(left.number, right.number)
