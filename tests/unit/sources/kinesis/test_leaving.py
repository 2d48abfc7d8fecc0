"""What a worker that ends leaves behind: nothing that only a failover would free."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.support.keepers import A_TICK, kept
from tests.support.lease_table import LeaseTableTwin
from tests.support.shards import ShardsTwin
from tests.support.virtual_time import in_virtual_time
from tests.unit.sources.kinesis.sourcing import FAILOVER_SECONDS, Place
from worker.local.kinesis.faults import Rule

if TYPE_CHECKING:
    from tests.support.lease_table import Answer
    from worker.core.leases.lease import Lease

CALL_SECONDS = 0.7


class SlowTable(LeaseTableTwin):
    """Each write is answered a little later; it is in the table at once."""

    async def replace(self, before: Lease, after: Lease) -> Answer:
        answer = await super().replace(before, after)
        await asyncio.sleep(CALL_SECONDS)
        return answer


def owners(table: LeaseTableTwin) -> set[str | None]:
    return {row.owner for row in table.rows.values()}


def test_a_take_that_is_under_way_is_waited_for_and_its_lease_released() -> None:
    async def scenario() -> None:
        for offset in (0.1, 0.5, 0.9, 1.3, 1.9, 2.5):
            table = SlowTable()
            async with kept(table, ShardsTwin(6)) as one:
                # A second has passed, and the first takes are under way.
                await asyncio.sleep(offset)
                await one.keeper.release(one.keeper.shards)
                # Whatever is answered after the release is nobody's to renew.
                await asyncio.sleep(3 * CALL_SECONDS)
                assert owners(table) == {None}, offset

    in_virtual_time(scenario())


def test_a_lease_that_was_asked_for_and_handed_over_is_released_too() -> None:
    async def scenario() -> None:
        table, shards = LeaseTableTwin(), ShardsTwin(2)
        async with kept(table, shards, worker_id="worker/a/1") as first:
            await first.passes(2 * A_TICK)
            async with kept(table, shards, worker_id="worker/b/1") as second:
                while not first.wanted:
                    await first.passes(0.1)
                await first.keeper.hand_over(first.wanted[0])
                await second.keeper.release(second.keeper.shards)
                assert table.rows[first.wanted[0]].owner is None

    in_virtual_time(scenario())


def test_while_it_drains_no_lease_is_taken() -> None:
    async def scenario() -> None:
        place = Place(shards=2)
        first, second = await place.worker("one"), await place.worker("two")
        await asyncio.gather(first.receive_for(40), second.receive_for(40))
        owned = first.owns()
        assert len(owned) == 1
        await first.source.pause(for_good=True)
        await second.source.pause(for_good=True)
        await second.source.close()
        await first.receive_for(5 * FAILOVER_SECONDS)
        assert first.owns() == owned
        (free,) = {0, 1} - owned
        assert "leaseOwner" not in place.row(free)

    in_virtual_time(scenario())


def test_with_a_slow_table_the_time_to_leave_goes_to_the_release() -> None:
    """A commit before it would carry the same checkpoints, and take the same time."""

    async def scenario() -> None:
        place = Place(shards=3)
        sequence = place.put("a")[0]
        worker = await place.worker("one")
        await worker.receive_until(lambda: len(worker.owns()) == 3 and bool(worker.records))
        place.cloud.plan(Rule(does="slow", calls=("UpdateItem",), seconds=3.0))
        await worker.source.pause(for_good=True)
        async with asyncio.timeout(5):
            await worker.source.commit()
            await worker.source.close()
        rows = [place.row(each) for each in range(3)]
        assert all("leaseOwner" not in row for row in rows)
        assert str(sequence) in {row["checkpoint"] for row in rows}

    in_virtual_time(scenario())
