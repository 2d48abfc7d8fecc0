"""Lease keepers in virtual time, on one table and one stream."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from worker.core.leases.lease import Sentinel
from worker.sources.kinesis.lease_keeper import LeaseKeeper
from worker.sources.kinesis.lease_parts import lease_parts
from worker.sources.kinesis.ports import TableFault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.lease_table import LeaseTableTwin
    from tests.support.shards import ShardsTwin
    from worker.core.leases.lease import Lease
    from worker.core.leases.shards import Shard

FAILOVER_SECONDS = 10.0
# A renewal, or a look around, and a bit.
A_TICK = 3.4


class Kept:
    """A keeper, and all that it said so far."""

    def __init__(
        self, table: LeaseTableTwin, shards: ShardsTwin, worker_id: str, start: Sentinel, offset: float
    ) -> None:
        loop = asyncio.get_running_loop()
        self.shards = shards
        self.is_list_away = False
        self.listed: frozenset[str] = frozenset()
        """What the keeper was told last."""
        self.gained: dict[str, Lease] = {}
        self.lost: list[str] = []
        self.wanted: list[str] = []
        self.keeper = LeaseKeeper(
            lease_parts(
                table,
                self._list_shards,
                worker_id=worker_id,
                failover_seconds=FAILOVER_SECONDS,
                start=start,
                clock=lambda: loop.time() + offset,
                sleep=asyncio.sleep,
                draw=lambda: 0.5,
            )
        )

    async def _list_shards(self) -> tuple[Shard, ...] | TableFault:
        if self.is_list_away:
            return TableFault("away")
        self.listed = frozenset(self.shards.listed)
        return tuple(self.shards.listed.values())

    async def passes(self, seconds: float) -> None:
        """Let time pass, as a source that asks twice a second."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + seconds
        while loop.time() < ends:
            await asyncio.sleep(min(0.5, ends - loop.time()))
            self.ask()

    def ask(self) -> None:
        changes = self.keeper.take_changes()
        self.lost += changes.lost
        for key in changes.lost:
            self.gained.pop(key, None)
        self.gained |= {lease.key: lease for lease in changes.gained}
        self.wanted += changes.wanted


@asynccontextmanager
async def kept(
    table: LeaseTableTwin,
    shards: ShardsTwin,
    *,
    worker_id: str = "worker/a/1",
    start: Sentinel = Sentinel.TRIM_HORIZON,
    offset: float = 0.0,
) -> AsyncIterator[Kept]:
    """A keeper that runs."""
    one = Kept(table, shards, worker_id, start, offset)
    running = asyncio.create_task(one.keeper.run())
    try:
        await one.passes(1)
        yield one
    finally:
        running.cancel()
        await asyncio.wait({running})
