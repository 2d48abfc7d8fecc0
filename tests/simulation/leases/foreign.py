"""A worker of another kind, after the KCL's older rules: it steals without asking, and knows no hand-over."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tests.simulation.leases.table import TableOf
from worker.core.leases.lease import At, Lease, Sentinel
from worker.sources.kinesis.ports import TableFault, Written

if TYPE_CHECKING:
    from tests.simulation.leases.world import World

_FAILOVER_SECONDS = 10.0
# More often than the KCL does by itself, so that it comes as close as it may.
_TAKE_SECONDS = 3


class ForeignWorker:
    """Takes, renews, reads and settles at once."""

    def __init__(self, world: World, number: int) -> None:
        self.worker_id = f"kcl-{number}"
        self._world = world
        self._table = TableOf(world, self.worker_id, None)
        self._held: dict[str, tuple[Lease, float]] = {}
        self._seen: dict[str, tuple[int, float]] = {}

    async def run(self) -> None:
        turns = 0
        while True:
            if turns % _TAKE_SECONDS == 0:
                await self._take()
            if turns % 3 == 0:
                for key in list(self._held):
                    await self._renew(key)
            turns += 1
            await asyncio.sleep(1)

    async def _take(self) -> None:
        rows = await self._table.scan()
        now = self._world.loop.time()
        if isinstance(rows, TableFault):
            return
        for row in rows:
            counter, since = self._seen.get(row.key, (-1, now))
            self._seen[row.key] = (row.counter, since if counter == row.counter else now)
        live = [row for row in rows if not row.is_finished]
        free = [row for row in live if self._is_free(row, now)]
        loads = Counter({self.worker_id: 0})
        loads.update(row.owner for row in live if row.owner and row not in free)
        share = -(-len(live) // len(loads)) if live else 0
        missing = share - loads[self.worker_id]
        most, load = loads.most_common(1)[0]
        for row in free[: max(0, missing)]:
            await self._write(row, replace(row, owner=self.worker_id, checkpoint_owner=None))
        if not free and missing > 0 and load > share:
            mine = next(row for row in live if row.owner == most)
            self._world.saw("a lease that was stolen")
            theft = (self.worker_id, mine.key)
            self._world.oracle.thefts.add(theft)
            await self._write(mine, replace(mine, owner=self.worker_id, checkpoint_owner=None))
            self._world.oracle.thefts.discard(theft)

    def _is_free(self, row: Lease, now: float) -> bool:
        return row.owner is None or now - self._seen[row.key][1] > _FAILOVER_SECONDS

    async def _write(self, before: Lease, after: Lease) -> None:
        sent = self._world.loop.time()
        answer = await self._table.replace(before, replace(after, counter=before.counter + 1))
        if isinstance(answer, Written):
            self._held[before.key] = (answer.lease, sent)
        else:
            self._held.pop(before.key, None)

    async def _renew(self, key: str) -> None:
        row, sent = self._held[key]
        if self._world.loop.time() - sent > _FAILOVER_SECONDS:
            del self._held[key]
            return
        await self._write(row, replace(row, checkpoint=self._read(row)))

    def _read(self, row: Lease) -> At | Sentinel:
        """Read and settle what there is, and return the checkpoint; shards that end are left to others."""
        shard = self._world.stream.shards[row.key]
        parents = (self._world.table.rows.get(parent) for parent in shard.parents)
        if any(parent is not None and not parent.is_finished for parent in parents):
            return row.checkpoint
        checkpoint = row.checkpoint
        if checkpoint is Sentinel.LATEST:
            return checkpoint
        done = checkpoint.sequence if isinstance(checkpoint, At) else 0
        records = [record for record in shard.records if record > done][:20]
        if not records:
            return checkpoint
        self._world.oracle.sealed(self.worker_id, row.key, is_foreign=True)
        self._world.oracle.delivered[row.key].update(records)
        return At(records[-1])
