"""Sources of one stream and one table of the stand-in, in virtual time."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any

from tests.support.kinesis_cloud import Cloud
from tests.support.listener import ListenerTwin
from tests.support.stage import EPOCH_SECONDS
from worker.core.leases.lease import Sentinel
from worker.sources.kinesis.calls import StreamCalls
from worker.sources.kinesis.fetch_budget import FetchBudget
from worker.sources.kinesis.lease_keeper import LeaseKeeper
from worker.sources.kinesis.lease_parts import lease_parts
from worker.sources.kinesis.lease_table import DynamoLeaseTable
from worker.sources.kinesis.readers import Readers, Times
from worker.sources.kinesis.shard_list import ShardList
from worker.sources.kinesis.source import KinesisSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.records import Record

STREAM, TABLE = "clicks", "leases"
FAILOVER_SECONDS = 10.0


def shard_key(number: int) -> str:
    return f"shardId-{number:012d}"


class Place:
    """A stream and a table, for several sources. Made on the loop."""

    def __init__(self, shards: int = 1) -> None:
        self.now = asyncio.get_running_loop().time
        self.cloud = Cloud(lambda: EPOCH_SECONDS + self.now())
        self.stream = self.cloud.streams.create(STREAM, shards)
        self.table = self.cloud.lease_table(TABLE)

    def put(self, *texts: str, key: str = "k") -> list[int]:
        return [self.stream.put(key, text.encode())[1] for text in texts]

    def row(self, number: int = 0) -> dict[str, Any]:
        """The lease of a shard, as it stands in the table: names and values."""
        item = self.table.items().get(shard_key(number), {})
        return {name: next(iter(value.values())) for name, value in item.items()}

    async def worker(self, name: str, start: Sentinel = Sentinel.TRIM_HORIZON) -> Worker:
        worker = Worker(self, name, start)
        await worker.source.open(worker.listener)
        return worker


class Worker:
    """One source, and somebody who receives of it."""

    def __init__(self, place: Place, name: str, start: Sentinel) -> None:
        self._now = place.now
        shards = ShardList({STREAM: StreamCalls(place.cloud.call, STREAM)})
        self.keeper = LeaseKeeper(
            lease_parts(
                DynamoLeaseTable(place.cloud.call, TABLE),
                shards.all,
                worker_id=f"personalize-worker/{name}/1",
                failover_seconds=FAILOVER_SECONDS,
                start=start,
                clock=place.now,
                sleep=asyncio.sleep,
                draw=lambda: 0.5,
                epoch_seconds=lambda: EPOCH_SECONDS + place.now(),
            )
        )
        readers = Readers(
            shards,
            FetchBudget(1 << 24),
            start_at=None,
            times=Times(place.now, lambda: EPOCH_SECONDS + place.now()),
            draw=lambda: 0.5,
        )
        self.source = KinesisSource(self.keeper, readers, clock=place.now)
        self.listener = ListenerTwin()
        self.records: list[Record] = []

    async def kill(self) -> None:
        """End its tasks, and let go of nothing."""
        tasks = [*self.source._keeping, *(each.reading for each in self.source._shards.values())]  # noqa: SLF001  what reads and keeps is nobody else's business
        for each in tasks:
            each.cancel()
        await asyncio.wait(tasks)

    def texts(self) -> list[str]:
        return [(each.value or b"").decode() for each in self.records]

    async def receive_for(self, seconds: float, *, settle: bool = True) -> None:
        """Receive, and settle and store what comes, or only track it."""
        until = self._now() + seconds
        await self.receive_until(lambda: self._now() >= until, settle=settle, within=inf)

    async def receive_until(
        self, is_so: Callable[[], bool], *, settle: bool = True, within: float = 1000.0
    ) -> None:
        until = self._now() + within
        while not is_so():
            assert self._now() <= until, "it did not come to be"
            for record in await self.source.receive(100):
                record.assignment.track(record.offset)
                self.records.append(record)
                if settle:
                    record.assignment.settle(record.offset)
            if settled := self.listener.tracker.advanced():
                await self.source.store(settled)

    def settle_all(self) -> None:
        for record in self.records:
            if record.assignment.open and record.assignment.unsettled():
                record.assignment.settle(record.offset)

    def owns(self) -> set[int]:
        return {each.partition.number for each in self.source.partitions()}


async def together(seconds: float, *workers: Worker, settle: bool = True) -> None:
    await asyncio.gather(*(each.receive_for(seconds, settle=settle) for each in workers))


async def until(is_so: Callable[[], bool]) -> None:
    """Let time pass until it is so."""
    while not is_so():  # noqa: ASYNC110  nobody tells of it
        await asyncio.sleep(0.01)
