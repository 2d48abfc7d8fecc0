"""A toy source on top of a keeper: reads, settles with delays, checkpoints, hands over."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING

from worker.core.leases.lease import At, Checkpoint, Lease, Sentinel

if TYPE_CHECKING:
    from tests.simulation.leases.stream import LiveShard
    from tests.simulation.leases.world import World
    from worker.sources.kinesis.lease_keeper import LeaseKeeper

_AT_ONCE = 3
_TURN_SECONDS = 0.5


class Reading:
    """One shard that is read."""

    def __init__(self, world: World, lease: Lease) -> None:
        self.key = lease.key
        self.shard: LiveShard = world.stream.shards[lease.key]
        self.in_flight: list[int] = []
        self.settled: set[int] = set()
        self.last: Checkpoint = lease.checkpoint
        self.is_flushing = False
        self.is_ending = False
        if isinstance(lease.checkpoint, At):
            self.read_to = lease.checkpoint.sequence
        elif lease.checkpoint is Sentinel.LATEST:
            self.read_to = self.shard.records[-1] if self.shard.records else 0
            world.oracle.begins_at_latest(self.key, self.read_to)
            if self.read_to:
                self.last = At(self.read_to)
        else:
            self.read_to = 0

    def checkpoint(self) -> Checkpoint:
        """The last record before the first that is not settled."""
        while self.in_flight and self.in_flight[0] in self.settled:
            record = self.in_flight.pop(0)
            self.settled.discard(record)
            self.last = At(record)
        return self.last


class Reader:
    """Reads what its keeper has."""

    def __init__(self, world: World, worker_id: str, keeper: LeaseKeeper, settle_seconds: float) -> None:
        self._world = world
        self._worker_id = worker_id
        self._keeper = keeper
        self._settle_seconds = settle_seconds
        self._readings: dict[str, Reading] = {}
        self._records = 0
        self.is_stubborn = False
        self.is_leaving = False

    async def run(self) -> None:
        while True:
            self._follow_changes()
            for reading in list(self._readings.values()):
                self._turn(reading)
            await asyncio.sleep(_TURN_SECONDS)

    def _follow_changes(self) -> None:
        changes = self._keeper.take_changes()
        for key in changes.lost:
            self._readings.pop(key, None)
        for lease in changes.gained:
            self._readings[lease.key] = Reading(self._world, lease)
        for key in changes.wanted:
            if key in self._readings and not self.is_stubborn:
                self._readings[key].is_flushing = True

    def _turn(self, reading: Reading) -> None:
        if reading.is_ending or not self._keeper.owns(reading.key):
            return
        self._keeper.note_checkpoint(reading.key, reading.checkpoint())
        if reading.is_flushing and not reading.in_flight:
            reading.is_ending = True
            self._world.tasks(self._hand_over(reading))
        elif not reading.is_flushing and not self.is_leaving:
            self._read(reading)

    def _read(self, reading: Reading) -> None:
        records = [each for each in reading.shard.records if each > reading.read_to][:_AT_ONCE]
        for record in records:
            # As the worker does before it seals a batch.
            if not self._keeper.owns(reading.key):
                return
            self._world.oracle.sealed(self._worker_id, reading.key)
            reading.read_to = record
            reading.in_flight.append(record)
            self._records += 1
            self._send(reading, record)
        if not records and reading.shard.is_closed and not reading.in_flight:
            reading.is_ending = True
            self._world.tasks(self._finish(reading))

    def _send(self, reading: Reading, record: int) -> None:
        """The call goes out: it is delivered though this worker be gone, or stand still, by then."""
        draw = self._world.chance.draw("settle", self._worker_id, self._records)
        seconds = self._settle_seconds * (0.2 + draw.part())
        delivered = self._world.oracle.delivered[reading.key]
        self._world.loop.call_later(seconds, delivered.update, (record,), context=Context())
        self._world.loop.call_later(seconds + 0.01, reading.settled.add, record)

    async def _finish(self, reading: Reading) -> None:
        if await self._keeper.finish(reading.key):
            self._readings.pop(reading.key, None)
            self._world.saw("a shard that ended")
        else:
            await asyncio.sleep(1)
            reading.is_ending = False

    async def _hand_over(self, reading: Reading) -> None:
        await self._keeper.hand_over(reading.key)
        self._world.saw("a lease that was handed over")
        if self._readings.get(reading.key) is reading:
            del self._readings[reading.key]

    async def leave(self) -> None:
        """As on a SIGTERM: flush for a while, and release."""
        self.is_leaving = True
        await asyncio.sleep(2)
        self._follow_changes()
        for reading in self._readings.values():
            self._keeper.note_checkpoint(reading.key, reading.checkpoint())
        await self._keeper.release(list(self._readings))
