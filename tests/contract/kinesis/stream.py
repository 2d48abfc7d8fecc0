"""A stream of a statement's own, and reading it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from tests.contract.kinesis.stand import Stand, until
from tests.support.emulators.iterators import made_older

if TYPE_CHECKING:
    from worker.local.kinesis.endpoint import LocalKinesis

THROTTLED: Final = "ProvisionedThroughputExceededException"
FIRST, SECOND, THIRD = (f"shardId-{number:012d}" for number in range(3))


class StreamStand(Stand):
    """A stream."""

    local: LocalKinesis | None = None
    """The subject itself, where it is the stand-in."""

    async def open(self, shards: int = 1) -> None:
        """Create it, and wait until it is there."""
        await self.call("create_stream", StreamName=self.name, ShardCount=shards)
        await self.active()

    async def close(self) -> None:
        """Delete it, if it is there."""
        with suppress(ClientError):
            await self.call("delete_stream", StreamName=self.name)

    async def gone(self) -> None:
        """Wait until there is none of this name."""

        async def is_gone() -> bool:
            return bool(await self.outcome("describe_stream_summary", StreamName=self.name))

        await until(is_gone, f"{self.name} being gone")

    async def active(self) -> None:
        """Wait until nothing is being changed."""

        async def is_active() -> bool:
            return (await self.summary())["StreamStatus"] == "ACTIVE"

        await until(is_active, f"{self.name} being active")

    async def summary(self) -> dict[str, Any]:
        """What the stream is like."""
        answer = await self.call("describe_stream_summary", StreamName=self.name)
        return answer["StreamDescriptionSummary"]

    async def put(self, key: str, *data: bytes) -> list[dict[str, Any]]:
        """Write records one by one."""
        return [
            await self.call("put_record", StreamName=self.name, PartitionKey=key, Data=each) for each in data
        ]

    async def shards(self) -> dict[str, dict[str, Any]]:
        """All shards, by name."""
        listed = await self.call("list_shards", StreamName=self.name)
        return {each["ShardId"]: each for each in listed["Shards"]}

    async def split(self, shard: str = FIRST) -> None:
        """Split a shard in the middle, and wait for it."""
        await self.begin_split(shard)
        await self.active()

    async def begin_split(self, shard: str = FIRST) -> None:
        """Split a shard in the middle; it takes a while."""
        ends = (await self.shards())[shard]["HashKeyRange"]
        middle = (int(ends["StartingHashKey"]) + int(ends["EndingHashKey"]) + 1) // 2
        await self.call(
            "split_shard", StreamName=self.name, ShardToSplit=shard, NewStartingHashKey=str(middle)
        )

    async def merge(self, shard: str, adjacent: str) -> None:
        """Merge two shards, and wait for it."""
        await self.call(
            "merge_shards", StreamName=self.name, ShardToMerge=shard, AdjacentShardToMerge=adjacent
        )
        await self.active()

    async def iterator(self, kind: str = "TRIM_HORIZON", shard: str = FIRST, **where: Any) -> str:
        """Where to read from."""
        answer = await self.call(
            "get_shard_iterator", StreamName=self.name, ShardId=shard, ShardIteratorType=kind, **where
        )
        return str(answer["ShardIterator"])

    async def read(self, iterator: str, **how: Any) -> dict[str, Any]:
        """Read once, as soon as the shard lets."""
        while True:
            try:
                return await self.call("get_records", ShardIterator=iterator, **how)
            except ClientError as error:
                if error.response["Error"]["Code"] != THROTTLED:
                    raise
                await asyncio.sleep(0.05)

    async def data_from(self, kind: str, shard: str = FIRST, **where: Any) -> list[bytes]:
        """The data of one read."""
        answer = await self.read(await self.iterator(kind, shard, **where))
        return [each["Data"] for each in answer["Records"]]

    async def to_the_end(self, shard: str = FIRST, **how: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Read a closed shard; return its records, and its last answer."""
        records: list[dict[str, Any]] = []
        iterator: str | None = await self.iterator(shard=shard)
        answer: dict[str, Any] = {}
        # Who never ends is found out soon enough.
        for _ in range(5):
            answer = await self.read(iterator or "", **how)
            records += answer["Records"]
            iterator = answer.get("NextShardIterator")
            if iterator is None:
                return records, answer
        raise AssertionError(f"{shard} has no end")

    def expired(self, iterator: str) -> str:
        """An iterator that was given more than five minutes ago."""
        if self.local is None:
            return made_older(iterator, 301)
        self.local.expire_iterators()
        return iterator
