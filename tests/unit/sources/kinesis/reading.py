"""Readers of one stream of the stand-in, in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.support.kinesis_cloud import Cloud
from tests.support.stage import EPOCH_SECONDS
from worker.core.leases.lease import Sentinel
from worker.core.leases.shards import Shard
from worker.sources.kinesis.calls import StreamCalls
from worker.sources.kinesis.fetch_budget import FetchBudget
from worker.sources.kinesis.shard_reader import ShardReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.leases.lease import Checkpoint
    from worker.local.kinesis.behaviour import Behaviour
    from worker.sources.kinesis.calls import Call
    from worker.sources.kinesis.shard_reader import UserRecord

STREAM = "clicks"
KEY = "shardId-000000000000"
FETCHED_BYTES = 16 << 20


class Reading:
    """A stream of one shard, and readers of it. Made on the loop."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.now = asyncio.get_running_loop().time
        self.cloud = Cloud(self.service_time, behaviour)
        self.stream = self.cloud.streams.create(STREAM)
        self.budget = FetchBudget(FETCHED_BYTES)
        self.clock_is_ahead = 0.0
        """By how much the wall clock of the worker is."""
        self.is_listed = True
        self.shards: dict[str, Shard] = {}
        """As they were listed, for those who look."""

    def is_gone(self, key: str) -> bool:
        del key
        return not self.is_listed

    def may_be_read(self, key: str, doubted_at: float | None) -> bool:
        del key, doubted_at
        return True

    def service_time(self) -> float:
        return EPOCH_SECONDS + self.now()

    def put(self, *texts: str, key: str = "k") -> list[int]:
        """Put records, and return their sequence numbers."""
        return [self.stream.put(key, text.encode())[1] for text in texts]

    def reader(
        self,
        checkpoint: Checkpoint = Sentinel.TRIM_HORIZON,
        *,
        stream: str = STREAM,
        call: Call | None = None,
        draw: Callable[[], float] = lambda: 0.5,
    ) -> ShardReader:
        return ShardReader(
            Shard(key=KEY, stream=stream, number=0, parents=frozenset(), hash_range=(0, 1), is_closed=False),
            checkpoint,
            start_at=None,
            calls=StreamCalls(call or self.cloud.call, stream),
            budget=self.budget,
            clock=self.now,
            epoch_seconds=lambda: self.service_time() + self.clock_is_ahead,
            draw=draw,
            view=self,
            on_records=lambda: None,
        )

    async def read(self, reader: ShardReader, seconds: float = 60.0, most: int = 1000) -> list[str]:
        """What comes from it in that time, or until its end."""
        return texts(await self.read_records(reader, seconds, most))

    async def read_records(
        self, reader: ShardReader, seconds: float = 60.0, most: int = 1000
    ) -> list[UserRecord]:
        reading = asyncio.create_task(reader.run())
        until, taken = self.now() + seconds, []
        while self.now() < until and not reader.is_exhausted:
            taken += reader.take(most)
            await asyncio.sleep(max(0.05, seconds / 1000))
        reading.cancel()
        await asyncio.wait({reading})
        return taken


def texts(records: list[UserRecord]) -> list[str]:
    return [each.value.decode() for each in records]
