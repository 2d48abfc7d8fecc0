"""A keeper and its source: what is told, what is written, and when nothing may be written any more."""

from __future__ import annotations

import asyncio
from functools import wraps
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tests.support.keepers import A_TICK, FAILOVER_SECONDS, kept
from tests.support.lease_table import LeaseTableTwin
from tests.support.shards import ShardsTwin, key_of
from tests.support.virtual_time import in_virtual_time
from worker.core.leases.lease import At, Lease, Sentinel
from worker.core.leases.writes import taken

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

ONE = key_of(0)


def virtual(scenario: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(scenario)
    def test() -> None:
        in_virtual_time(scenario())

    del test.__wrapped__
    return test


@virtual
async def test_who_is_alone_has_all_shards_at_once() -> None:
    table = LeaseTableTwin()
    async with kept(table, ShardsTwin(3)) as one:
        assert set(one.gained) == {key_of(0), key_of(1), key_of(2)}
        assert all(one.keeper.owns(key) for key in one.gained)
        assert one.keeper.figures.owned == 3


@virtual
async def test_a_renewal_carries_the_newest_checkpoint() -> None:
    table = LeaseTableTwin()
    async with kept(table, ShardsTwin()) as one:
        for sequence in (5, 7, 6):
            one.keeper.note_checkpoint(ONE, At(sequence))
        before = len(table.writes)
        await one.passes(A_TICK)
        assert table.rows[ONE].checkpoint == At(7)
        assert len(table.writes) == before + 1
        assert one.keeper.checkpointed() == {ONE: At(7)}


@virtual
async def test_renewals_go_on_though_the_source_asks_for_nothing() -> None:
    """Backpressure stopped them elsewhere (warpstreamlabs/bento, issue 1012)."""
    table = LeaseTableTwin()
    async with kept(table, ShardsTwin()) as one:
        counter = table.rows[ONE].counter
        await asyncio.sleep(600)
        assert table.rows[ONE].counter >= counter + 600 / A_TICK - 1
        assert one.keeper.owns(ONE)


@virtual
async def test_a_renewal_leaves_the_checkpoint() -> None:
    """Written as a whole, a renewal wiped it elsewhere (patrobinson/gokini, issue 3)."""
    table = LeaseTableTwin(Lease(key=ONE, checkpoint=At(4), throughput_kbps=1.5))
    async with kept(table, ShardsTwin()) as one:
        assert one.gained[ONE].checkpoint == At(4)
        await one.passes(60)
        assert table.rows[ONE].checkpoint == At(4)
        assert table.rows[ONE].throughput_kbps == 1.5


@virtual
async def test_a_lost_answer_is_no_lost_lease() -> None:
    """It was given up elsewhere (awslabs/amazon-kinesis-client, issue 537)."""
    table = LeaseTableTwin()
    async with kept(table, ShardsTwin()) as one:
        one.keeper.note_checkpoint(ONE, At(5))
        table.answers_to_lose = 2
        await one.passes(4 * FAILOVER_SECONDS)
        assert one.lost == []
        assert one.keeper.owns(ONE)
        assert table.rows[ONE].checkpoint == At(5)


@virtual
async def test_a_lease_is_lost_by_its_own_clock_before_others_may_take_it() -> None:
    table = LeaseTableTwin()
    async with kept(table, ShardsTwin()) as one:
        table.is_away = True
        await one.passes(FAILOVER_SECONDS - 0.5 - A_TICK)
        assert one.keeper.owns(ONE)
        await one.passes(A_TICK + 0.5)
        assert not one.keeper.owns(ONE)
        assert one.lost == [ONE]


@virtual
async def test_a_table_that_is_away_is_told_and_leases_come_back() -> None:
    """After a short blip nobody picked them up elsewhere (awslabs/amazon-kinesis-client, issue 136)."""
    table = LeaseTableTwin()
    async with kept(table, ShardsTwin(2)) as one:
        table.is_away = True
        await one.passes(30)
        assert one.keeper.trouble is not None
        assert "the lease table: ConnectionRefused for 2" in one.keeper.trouble
        assert one.gained == {}
        table.is_away = False
        await one.passes(30)
        assert one.keeper.trouble is None
        assert one.keeper.trouble_since is None
        assert len(one.gained) == 2


@virtual
async def test_a_blip_shorter_than_the_failover_time_loses_nothing() -> None:
    table = LeaseTableTwin()
    async with kept(table, ShardsTwin(2)) as one:
        table.is_away = True
        await one.passes(5)
        table.is_away = False
        await one.passes(60)
        assert one.lost == []


@virtual
async def test_a_late_owner_writes_nothing() -> None:
    """It did elsewhere (awslabs/amazon-kinesis-client, issue 108)."""
    table = LeaseTableTwin()
    async with kept(table, ShardsTwin()) as one:
        one.keeper.note_checkpoint(ONE, At(5))
        table.rows[ONE] = stolen = taken(table.rows[ONE], "kcl-1")
        assert await one.keeper.write_checkpoints([ONE]) == {}
        assert table.rows[ONE] == stolen
        one.ask()
        assert one.lost == [ONE]
        one.keeper.note_checkpoint(ONE, At(9))
        await one.passes(5)
        assert table.rows[ONE] == stolen


@virtual
async def test_a_checkpoint_never_goes_back() -> None:
    """It did elsewhere (remind101/kinesumer, issue 1)."""
    table = LeaseTableTwin(Lease(key=ONE, checkpoint=At(9, 2)))
    async with kept(table, ShardsTwin()) as one:
        for checkpoint in (At(8), At(9, 1), Sentinel.TRIM_HORIZON, Sentinel.LATEST):
            one.keeper.note_checkpoint(ONE, checkpoint)
            assert await one.keeper.write_checkpoints([ONE]) == {ONE: At(9, 2)}
        await one.passes(30)
        assert table.rows[ONE].checkpoint == At(9, 2)


@virtual
async def test_a_checkpoint_counts_as_written_when_the_table_has_it_and_no_sooner() -> None:
    table = LeaseTableTwin()
    async with kept(table, ShardsTwin()) as one:
        one.keeper.note_checkpoint(ONE, At(5))
        table.is_away = True
        assert await one.keeper.write_checkpoints([ONE]) == {ONE: Sentinel.TRIM_HORIZON}
        table.is_away = False
        assert await one.keeper.write_checkpoints([ONE]) == {ONE: At(5)}


@virtual
async def test_a_row_that_is_deleted_is_a_lost_lease_and_is_made_anew_from_where_it_was() -> None:
    """awslabs/amazon-kinesis-client, issue 461."""
    table = LeaseTableTwin()
    async with kept(table, ShardsTwin(2), start=Sentinel.LATEST) as one:
        one.keeper.note_checkpoint(ONE, At(5))
        del table.rows[ONE]
        await one.passes(15)
        assert one.lost == [ONE]
        assert one.gained[ONE].checkpoint == At(5)
        assert one.keeper.owns(ONE)


@virtual
async def test_another_worker_leaves_a_deleted_row_to_who_had_it_for_a_while() -> None:
    table, shards = LeaseTableTwin(), ShardsTwin(2)
    async with (
        kept(table, shards, start=Sentinel.LATEST) as one,
        kept(table, shards, start=Sentinel.LATEST, worker_id="worker/b/1"),
    ):
        await hands_over_all(one, 60)
        (key,) = one.gained
        one.keeper.note_checkpoint(key, At(5))
        del table.rows[key]
        await one.passes(2 * FAILOVER_SECONDS)
        assert table.rows[key].checkpoint == At(5)


async def hands_over_all(one: Any, seconds: float) -> None:
    for _ in range(int(seconds)):
        await one.passes(1)
        for key in one.wanted:
            await one.keeper.hand_over(key)
            one.gained.pop(key)
        one.wanted.clear()


@virtual
async def test_the_end_of_a_shard_is_written_though_its_last_record_was_checkpointed_before() -> None:
    """It was not elsewhere (awslabs/amazon-kinesis-client, issue 211)."""
    table, shards = LeaseTableTwin(), ShardsTwin()
    async with kept(table, shards) as one:
        one.keeper.note_checkpoint(ONE, At(5))
        await one.passes(5)
        children = shards.split(0)
        assert await one.keeper.finish(ONE)
        assert table.rows[ONE].checkpoint is Sentinel.SHARD_END
        assert table.rows[ONE].children == set(children)
        assert not one.keeper.owns(ONE)
        await one.passes(A_TICK)
        assert one.lost == []


@virtual
async def test_children_are_read_from_their_oldest_record_once_their_parent_ended() -> None:
    """At LATEST they lose what came before their first read (apache/doris, issue 67879)."""
    table, shards = LeaseTableTwin(), ShardsTwin()
    async with kept(table, shards, start=Sentinel.LATEST) as one:
        children = shards.split(0)
        await one.passes(90)
        assert set(one.gained) == {ONE}
        assert await one.keeper.finish(ONE)
        await one.passes(30)
        assert {one.gained[key].checkpoint for key in children} == {Sentinel.TRIM_HORIZON}


@virtual
async def test_a_shard_made_of_two_waits_for_both_though_others_finish_one() -> None:
    table, shards = LeaseTableTwin(), ShardsTwin(2)
    async with kept(table, shards) as one:
        child = shards.merge(0, 1)
        assert await one.keeper.finish(key_of(0))
        await one.passes(60)
        assert child not in one.gained
        assert await one.keeper.finish(key_of(1))
        await one.passes(A_TICK)
        assert child in one.gained


@virtual
async def test_a_shard_does_not_end_before_what_it_became_is_known() -> None:
    table, shards = LeaseTableTwin(), ShardsTwin()
    async with kept(table, shards) as one:
        assert not await one.keeper.finish(ONE)
        shards.split(0)
        one.is_list_away = True
        assert not await one.keeper.finish(ONE)
        assert one.keeper.trouble == "the list of shards: away for 0 s"
        assert one.keeper.owns(ONE)
        one.is_list_away = False
        assert await one.keeper.finish(ONE)


@virtual
async def test_a_shard_that_is_newer_than_the_list_is_not_taken_for_one_that_is_gone() -> None:
    table, shards = LeaseTableTwin(), ShardsTwin()
    async with kept(table, shards) as one:
        child, _ = shards.split(0)
        # Another worker lists them, and finishes the first.
        table.rows[ONE] = replace(table.rows[ONE], checkpoint=Sentinel.SHARD_END, owner="worker/b/1")
        for shard in list(shards.listed.values())[1:]:
            table.rows[shard.key] = Lease(
                key=shard.key,
                checkpoint=Sentinel.TRIM_HORIZON,
                parents=shard.parents,
                hash_range=shard.hash_range,
            )
        await one.passes(25)
        assert child in one.gained
        assert child in one.listed
        children = shards.split(1)
        assert await one.keeper.finish(child)
        assert table.rows[child].children == set(children)
        assert set(children) <= table.rows.keys()


@virtual
async def test_a_shard_that_is_gone_from_the_list_may_end() -> None:
    table, shards = LeaseTableTwin(), ShardsTwin()
    async with kept(table, shards) as one:
        children = shards.split(0)
        shards.expire(0)
        assert await one.keeper.finish(ONE)
        assert table.rows[ONE].children == set(children)


@virtual
async def test_leases_are_taken_though_the_shards_cannot_be_listed_meanwhile() -> None:
    table, shards = LeaseTableTwin(), ShardsTwin(2)
    async with kept(table, shards) as one:
        one.is_list_away = True
        await one.passes(90)
        table.rows[ONE] = taken(table.rows[ONE], "kcl-1")
        await one.passes(60)
        assert one.lost == [ONE]
        assert ONE in one.gained


@virtual
async def test_a_reshard_of_hundreds_leaves_no_shard_out() -> None:
    """It did elsewhere (awslabs/amazon-kinesis-client, issue 339)."""
    table, shards = LeaseTableTwin(), ShardsTwin(200)
    async with kept(table, shards) as one:
        children = [child for number in range(200) for child in shards.split(number)]
        for number in range(200):
            assert await one.keeper.finish(key_of(number))
        await one.passes(60)
        assert set(children) <= set(one.gained)


@virtual
async def test_where_to_begin_counts_only_for_shards_without_a_lease() -> None:
    """awslabs/amazon-kinesis-client, issue 552: it has to be known, and is said by a command."""
    table = LeaseTableTwin(Lease(key=ONE, checkpoint=At(4)))
    async with kept(table, ShardsTwin(), start=Sentinel.LATEST) as one:
        assert one.gained[ONE].checkpoint == At(4)


@virtual
async def test_a_lease_moves_without_a_gap_to_a_worker_that_comes() -> None:
    table, shards = LeaseTableTwin(), ShardsTwin(2)
    async with (
        kept(table, shards) as one,
        kept(table, shards, worker_id="worker/b/1", offset=1e6) as other,
    ):
        await one.passes(A_TICK)
        (key,) = one.wanted
        assert one.keeper.owns(key)
        assert not other.keeper.owns(key)
        one.keeper.note_checkpoint(key, At(5))
        await one.keeper.hand_over(key)
        assert not one.keeper.owns(key)
        await other.passes(A_TICK)
        assert other.gained[key].checkpoint == At(5)
        assert other.keeper.owns(key)
        assert one.lost == []
        assert one.keeper.figures.handed_over_total == 1


@virtual
async def test_a_hand_over_ends_for_the_owner_before_the_other_takes_the_lease() -> None:
    """It stuck elsewhere (awslabs/amazon-kinesis-client, issues 1743 and 1765)."""
    table, shards = LeaseTableTwin(), ShardsTwin(2)
    async with kept(table, shards) as one, kept(table, shards, worker_id="worker/b/1") as other:
        await one.passes(A_TICK)
        (key,) = one.wanted
        one.keeper.note_checkpoint(key, At(5))
        while one.keeper.owns(key):
            assert not other.keeper.owns(key)
            await asyncio.sleep(0.1)
        one.ask()
        assert one.lost == [key]
        await other.passes(A_TICK + A_TICK)
        assert other.gained[key].checkpoint == At(5)


@virtual
async def test_a_hand_over_whose_owner_is_gone_ends_as_well() -> None:
    table, shards = LeaseTableTwin(), ShardsTwin(2)
    async with kept(table, shards) as one:
        async with kept(table, shards, worker_id="worker/b/1") as other:
            await one.passes(A_TICK)
            assert one.wanted
            assert not other.gained
        await one.passes(1)
    async with kept(table, shards, worker_id="worker/c/1") as third:
        await third.passes(4 * FAILOVER_SECONDS)
        assert len(third.gained) == 2


@virtual
async def test_a_worker_of_another_kind_is_not_asked_but_learns_from_its_renewal() -> None:
    rows = [Lease(key=key_of(number), owner="kcl-1", counter=4, checkpoint=At(1)) for number in range(2)]
    table = LeaseTableTwin(*rows)
    async with kept(table, ShardsTwin(2)) as one:
        (key,) = one.gained
        assert table.rows[key] == replace(
            table.rows[key], owner="worker/a/1", checkpoint_owner=None, counter=5, owner_switches=1
        )


@virtual
async def test_released_leases_are_taken_at_once_by_others_and_never_again_by_this_worker() -> None:
    table, shards = LeaseTableTwin(), ShardsTwin(2)
    async with kept(table, shards) as one:
        one.keeper.note_checkpoint(ONE, At(5))
        await one.keeper.release(list(one.gained))
        assert {row.owner for row in table.rows.values()} == {None}
        assert table.rows[ONE].checkpoint == At(5)
        assert not one.keeper.owns(ONE)
        await one.passes(60)
        assert one.lost == []
        assert one.keeper.figures.owned == 0
        async with kept(table, shards, worker_id="worker/b/1") as other:
            assert other.gained[ONE].checkpoint == At(5)


@virtual
async def test_a_release_whose_answer_is_lost_is_no_loss() -> None:
    table = LeaseTableTwin()
    async with kept(table, ShardsTwin()) as one:
        table.answers_to_lose = 1
        await one.keeper.release([ONE])
        one.ask()
        assert one.lost == []
        assert one.keeper.figures.lost_total == 0


@virtual
async def test_leases_of_streams_that_are_not_read_here_are_left_alone() -> None:
    foreign = Lease(key="1234:other:1:shardId-000000000000", checkpoint=Sentinel.TRIM_HORIZON)
    table = LeaseTableTwin(foreign)
    async with kept(table, ShardsTwin()) as one:
        await one.passes(60)
        assert set(one.gained) == {ONE}
        assert table.rows[foreign.key] == foreign


@virtual
async def test_rows_that_nobody_needs_are_deleted() -> None:
    table, shards = LeaseTableTwin(), ShardsTwin()
    async with kept(table, shards) as one:
        children = shards.split(0)
        assert await one.keeper.finish(ONE)
        await one.passes(30)
        for key in children:
            one.keeper.note_checkpoint(key, At(9))
        await one.passes(90)
        assert ONE in table.rows
        shards.expire(0)
        await one.passes(90)
        assert set(table.rows) == set(children)
