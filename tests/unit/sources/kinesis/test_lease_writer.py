"""One write at a time; and what came too late changes nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.support.lease_table import LeaseTableTwin
from tests.support.virtual_time import in_virtual_time
from worker.core.leases.lease import At, Lease
from worker.core.leases.writes import asked_for, renewed
from worker.sources.kinesis.held_leases import HeldLease, HeldLeases
from worker.sources.kinesis.lease_writer import LeaseWriter, Outcome
from worker.sources.kinesis.trouble import Trouble

if TYPE_CHECKING:
    from worker.sources.kinesis.ports import Conflict, TableFault, Written

LEASE = Lease(key="s", owner="worker/me/1", counter=1, checkpoint=At(1))


class SlowTable(LeaseTableTwin):
    seconds = 0.0
    under_way = most_under_way = 0

    async def replace(self, before: Lease, after: Lease) -> Written | Conflict | TableFault:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        answer = await super().replace(before, after)
        await asyncio.sleep(self.seconds)
        self.under_way -= 1
        return answer


class Site:
    def __init__(self) -> None:
        clock = asyncio.get_running_loop().time
        self.table = SlowTable(LEASE)
        self.leases = HeldLeases(LEASE.owner or "", 10.0, clock)
        self.held: HeldLease = self.leases.add(LEASE, 0.0)
        self.leases.tell(self.held)
        self.leases.take_changes()
        self.writer = LeaseWriter(
            self.table,
            self.leases,
            worker_id=LEASE.owner or "",
            clock=clock,
            sleep=asyncio.sleep,
            trouble=Trouble("the table", clock),
        )

    async def write(self, sequence: int) -> Outcome:
        return await self.writer.write(self.held, lambda row: renewed(row, At(sequence)))


def test_a_renewal_and_a_checkpoint_at_once_do_not_lose_the_lease_to_each_other() -> None:
    async def scenario() -> None:
        site = Site()
        site.table.seconds = 1.0
        written = await asyncio.gather(*(site.write(sequence) for sequence in (5, 6, 7)))
        assert written == [Outcome.WRITTEN] * 3
        assert site.table.most_under_way == 1
        assert site.table.rows["s"].checkpoint == At(7)
        assert site.table.rows["s"].counter == 4

    in_virtual_time(scenario())


def test_an_answer_that_comes_after_the_lease_expired_does_not_revive_it() -> None:
    async def scenario() -> None:
        site = Site()
        site.table.seconds = 11.0
        assert await site.write(5) is Outcome.LOST
        assert site.leases.take_changes().lost == ("s",)
        assert site.leases.get("s") is None

    in_virtual_time(scenario())


def test_a_lease_is_valid_from_when_its_write_was_sent_and_not_from_the_answer() -> None:
    async def scenario() -> None:
        site = Site()
        await asyncio.sleep(1)
        site.table.seconds = 4.0
        assert await site.write(5) is Outcome.WRITTEN
        await asyncio.sleep(5.9)
        assert site.leases.get("s") is site.held
        await asyncio.sleep(0.2)
        assert site.leases.get("s") is None

    in_virtual_time(scenario())


def test_what_expired_is_not_written_any_more() -> None:
    async def scenario() -> None:
        site = Site()
        await asyncio.sleep(10)
        assert await site.write(5) is Outcome.LOST
        assert site.table.rows["s"] == LEASE

    in_virtual_time(scenario())


def test_a_write_whose_answers_are_lost_time_and_again_is_known_by_its_first_send_time() -> None:
    async def scenario() -> None:
        site = Site()
        site.table.answers_to_lose = 1
        await asyncio.sleep(2)
        assert await site.write(5) is Outcome.UNKNOWN
        await asyncio.sleep(3)
        site.table.seconds = 6.0
        # At 11 the refusal is there, which tells that the write of 2 is in; what was valid till 10 is over.
        assert await site.write(5) is Outcome.LOST

    in_virtual_time(scenario())


def test_a_request_is_told_once_and_the_lease_renewed_meanwhile() -> None:
    async def scenario() -> None:
        site = Site()
        site.table.rows["s"] = asked_for(LEASE, "worker/other/1")
        assert await site.write(5) is Outcome.WRITTEN
        assert await site.write(6) is Outcome.WRITTEN
        assert site.leases.take_changes().wanted == ("s",)
        row = site.table.rows["s"]
        assert (row.owner, row.checkpoint_owner) == ("worker/other/1", LEASE.owner)
        assert row.checkpoint == At(6)

    in_virtual_time(scenario())
