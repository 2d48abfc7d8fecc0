"""Asking and taking beside an owner that goes on renewing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tests.support.lease_table import LeaseTableTwin
from tests.support.shards import ShardsTwin, key_of
from worker.core.leases.handover import is_awaited_by
from worker.core.leases.lease import At, Lease, Sentinel
from worker.core.leases.writes import renewed, taken
from worker.sources.kinesis.held_leases import HeldLeases
from worker.sources.kinesis.lease_survey import LeaseSurvey
from worker.sources.kinesis.lease_taker import LeaseTaker
from worker.sources.kinesis.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.leases.shards import Shard
    from worker.sources.kinesis.ports import Conflict, TableFault, Written

ME, OTHER = "worker/me/1", "worker/other/1"
ROWS = [Lease(key=key_of(number), owner=OTHER, counter=4, checkpoint=At(1)) for number in range(2)]


class Meddled(LeaseTableTwin):
    """Something happens between the scan and the first write."""

    def __init__(self, meddle: Callable[[Lease], Lease]) -> None:
        super().__init__(*ROWS)
        self._meddle: Callable[[Lease], Lease] | None = meddle

    async def replace(self, before: Lease, after: Lease) -> Written | Conflict | TableFault:
        if self._meddle is not None:
            self.rows[before.key] = self._meddle(self.rows[before.key])
            self._meddle = None
        return await super().replace(before, after)


async def taker_of(table: LeaseTableTwin) -> tuple[LeaseTaker, HeldLeases]:
    shards = ShardsTwin(2)

    async def list_shards() -> tuple[Shard, ...]:
        return tuple(shards.listed.values())

    clock, trouble = (lambda: 0.0), Trouble("the table", lambda: 0.0)
    held = HeldLeases(ME, 10.0, clock)
    survey = LeaseSurvey(
        table, list_shards, start=Sentinel.LATEST, failover_seconds=10.0, clock=clock, trouble=trouble
    )
    assert await survey.synchronize()
    taker = LeaseTaker(
        table,
        survey,
        held,
        worker_id=ME,
        failover_seconds=10.0,
        clock=clock,
        draw=lambda: 0.5,
        trouble=trouble,
    )
    return taker, held


async def test_a_renewal_between_the_scan_and_the_request_does_not_prevent_it() -> None:
    table = Meddled(renewed)
    taker, _ = await taker_of(table)
    assert await taker.take_share()
    assert [is_awaited_by(row, ME) for row in table.rows.values()].count(True) == 1
    assert taker.is_waiting


async def test_what_another_took_meanwhile_is_left_to_it() -> None:
    table = Meddled(lambda row: taken(row, "worker/third/1"))
    taker, held = await taker_of(table)
    assert await taker.take_share()
    assert not any(is_awaited_by(row, ME) for row in table.rows.values())
    assert not taker.is_waiting
    assert held.keys() == frozenset()


async def test_a_table_that_does_not_answer_is_asked_again() -> None:
    table = LeaseTableTwin(*(replace(row, owner=None) for row in ROWS))
    taker, held = await taker_of(table)
    table.is_away = True
    assert not await taker.take_share()
    table.is_away = False
    assert await taker.take_share()
    assert len(held.keys()) == 2
