"""What is made, in which order, and when it is better to look again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.lease_table import AWAY, LeaseTableTwin
from tests.support.shards import ShardsTwin, key_of
from tests.unit.core.leases.test_shard_tree import lease_of
from worker.core.leases.lease import At, Sentinel
from worker.sources.kinesis.lease_survey import LeaseSurvey
from worker.sources.kinesis.trouble import Trouble

if TYPE_CHECKING:
    from worker.core.leases.lease import Lease
    from worker.core.leases.shards import Shard
    from worker.sources.kinesis.ports import Conflict, TableFault, Written

FAILOVER = 10.0


class Surveyed:
    def __init__(self, shards: ShardsTwin, table: LeaseTableTwin, start: Sentinel) -> None:
        self.shards = shards
        self.now = 0.0
        self.list_seconds = 0.0
        self.survey = LeaseSurvey(
            table,
            self._list,
            start=start,
            failover_seconds=FAILOVER,
            clock=lambda: self.now,
            trouble=Trouble("the table", lambda: self.now),
        )

    async def _list(self) -> tuple[Shard, ...] | TableFault:
        self.now += self.list_seconds
        return tuple(self.shards.listed.values())


async def test_nothing_is_made_by_what_was_read_before_the_process_stood_still() -> None:
    table = LeaseTableTwin()
    one = Surveyed(ShardsTwin(2), table, Sentinel.LATEST)
    one.list_seconds = FAILOVER + 1
    assert not await one.survey.synchronize()
    assert table.rows == {}
    one.list_seconds = 0.1
    assert await one.survey.synchronize()
    assert len(table.rows) == 2


async def test_where_a_parent_cannot_be_made_no_child_is() -> None:
    class FailsFor(LeaseTableTwin):
        async def create(self, lease: Lease) -> Written | Conflict | TableFault:
            return AWAY if lease.key == key_of(0) else await super().create(lease)

    shards = ShardsTwin(1)
    shards.split(0)
    table = FailsFor()
    assert not await Surveyed(shards, table, Sentinel.TRIM_HORIZON).survey.synchronize()
    assert table.rows == {}


async def test_a_stream_that_is_being_made_is_listed_again() -> None:
    assert not await Surveyed(ShardsTwin(0), LeaseTableTwin(), Sentinel.LATEST).survey.synchronize()


async def test_a_shard_without_a_lease_in_a_table_in_use_is_left_to_others_for_the_failover_time() -> None:
    """Its row was probably deleted, and whoever had it knows how far it was."""
    shards = ShardsTwin(2)
    table = LeaseTableTwin(lease_of(shards.listed[key_of(0)], At(5)))
    one = Surveyed(shards, table, Sentinel.LATEST)
    assert await one.survey.synchronize()
    assert one.survey.is_waiting
    assert set(table.rows) == {key_of(0)}
    one.now = FAILOVER
    assert await one.survey.synchronize()
    assert not one.survey.is_waiting
    assert table.rows[key_of(1)].checkpoint is Sentinel.LATEST


async def test_children_are_not_left_to_others() -> None:
    shards = ShardsTwin(1)
    table = LeaseTableTwin(lease_of(shards.listed[key_of(0)], At(5)))
    children = shards.split(0)
    assert await Surveyed(shards, table, Sentinel.LATEST).survey.synchronize()
    assert {table.rows[key].checkpoint for key in children} == {Sentinel.TRIM_HORIZON}


async def test_who_had_a_deleted_row_makes_it_at_once_and_from_what_it_settled() -> None:
    shards = ShardsTwin(2)
    table = LeaseTableTwin(*(lease_of(shard, At(5)) for shard in shards.listed.values()))
    one = Surveyed(shards, table, Sentinel.LATEST)
    assert await one.survey.synchronize()
    del table.rows[key_of(0)]
    one.survey.note_deleted(key_of(0), At(9))
    assert await one.survey.synchronize()
    assert table.rows[key_of(0)].checkpoint == At(9)
