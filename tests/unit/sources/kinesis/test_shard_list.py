"""Shards are listed with the time at which their stream was made, which is asked each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.kinesis_cloud import Cloud
from worker.local.kinesis.faults import Rule
from worker.sources.kinesis.calls import StreamCalls
from worker.sources.kinesis.ports import TableFault
from worker.sources.kinesis.shard_list import ShardList

if TYPE_CHECKING:
    from worker.core.leases.shards import Shard

MADE = 1_700_000_000


class Listing:
    def __init__(self, *names: str) -> None:
        self.now = float(MADE)
        self.cloud = Cloud(lambda: self.now)
        for name in names:
            self.cloud.streams.create(name)
        self.list = ShardList({name: StreamCalls(self.cloud.call, name) for name in names})

    def replace(self, name: str) -> None:
        self.now += 60
        self.cloud.streams.delete(name)
        self.cloud.streams.create(name)

    async def shards(self) -> tuple[Shard, ...]:
        found = await self.list.all()
        assert not isinstance(found, TableFault)
        return found

    async def code(self) -> str:
        found = await self.list.all()
        assert isinstance(found, TableFault)
        return found.code


async def test_one_stream_has_the_shards_ids_and_several_have_the_kcls_keys() -> None:
    (shard,) = await Listing("clicks").shards()
    assert (shard.key, shard.created_at) == ("shardId-000000000000", MADE)
    keys = [each.key for each in await Listing("clicks", "views").shards()]
    assert keys == [f"000000000000:{name}:{MADE}:shardId-000000000000" for name in ("clicks", "views")]


@pytest.mark.parametrize("names", [["clicks"], ["clicks", "views"]])
async def test_a_stream_that_is_made_anew_is_seen_with_the_next_listing(names: list[str]) -> None:
    listing = Listing(*names)
    await listing.shards()
    listing.replace("clicks")
    times = {each.stream: each.created_at for each in await listing.shards()}
    assert times["clicks"] == MADE + 60
    assert times.get("views", MADE) == MADE


@pytest.mark.parametrize("code", ["LimitExceededException", "InternalFailure", "AccessDeniedException"])
async def test_once_it_is_known_a_call_that_fails_changes_nothing(code: str) -> None:
    listing = Listing("clicks", "views")
    before = await listing.shards()
    listing.cloud.plan(Rule(does="refuse", code=code, calls=("DescribeStreamSummary",)))
    assert await listing.shards() == before


async def test_one_stream_does_without_the_permission_and_several_do_not() -> None:
    forbidden = Rule(does="refuse", code="AccessDeniedException", calls=("DescribeStreamSummary",))
    one, several = Listing("clicks"), Listing("clicks", "views")
    for each in (one, several):
        each.cloud.plan(forbidden)
    (shard,) = await one.shards()
    assert (shard.key, shard.created_at) == ("shardId-000000000000", None)
    assert await several.code() == "AccessDeniedException"


async def test_before_it_is_known_a_stream_is_not_taken_for_another_because_of_a_throttle() -> None:
    listing = Listing("clicks")
    listing.cloud.plan(Rule(does="throttle", calls=("DescribeStreamSummary",), times=1))
    assert await listing.code() == "LimitExceededException"
    assert len(await listing.shards()) == 1
