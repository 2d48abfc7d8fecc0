"""Shards are split, merged and counted anew under load: no order breaks, each closed shard is finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.kinesis_site import CALM
from tests.support.samples import only_long
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.kinesis_site import KinesisSite

pytestmark = pytest.mark.slow


def test_a_split_and_a_merge_under_load(site: KinesisSite) -> None:
    site.feed()
    site.start_worker("first")
    site.start_worker("second")
    site.wait_until_shares(2, 2)
    site.wait_until_flowing()
    split(site)
    site.wait_until_shares(2, 3)
    site.wait_until_flowing()
    merge(site)
    site.wait_until_shares(2, 2)
    site.wait_until_flowing()
    site.finish()
    site.wait_until_ended()


@only_long
def test_a_stream_is_scaled_up_and_down_under_load(site: KinesisSite) -> None:
    site.feed()
    site.start_worker("first")
    site.start_worker("second")
    site.wait_until_shares(2, 2)
    for shards in (8, 5):
        scale(site, shards)
        until(lambda shards=shards: sum(site.shares()) == shards, 90, what=f"{shards} leases")  # type: ignore[misc]  # as in test_outages.py: a lambda's default
        site.wait_until_flowing()
    site.finish()
    site.wait_until_ended()


@only_long
def test_what_was_split_while_nobody_read_is_read_in_order(site: KinesisSite) -> None:
    """Three generations stand in the stream before the first worker comes."""
    for change in (split, merge, split):
        site.ledger.put(site.stream, 200)
        change(site)
    site.ledger.put(site.stream, 200)
    site.start_worker("first", kinesis=CALM)
    site.start_worker("second", kinesis=CALM)
    assert site.finish().repeated == ()
    site.wait_until_ended()


@only_long
def test_a_worker_that_is_killed_at_the_end_of_shards_loses_none_of_them(site: KinesisSite) -> None:
    site.feed()
    for _ in range(3):
        worker = site.start_worker("worker")
        site.wait_until_flowing()
        split(site)
        site.wait_until_flowing(20)
        worker.kill()
    site.start_worker("last")
    site.finish()
    site.wait_until_ended()


def split(site: KinesisSite) -> None:
    """Split the shard with the most hash keys in the middle."""
    widest = max(_open(site), key=lambda shard: _last(shard) - _first(shard))
    middle = (_first(widest) + _last(widest)) // 2
    site.kinesis.split_shard(
        StreamName=site.stream, ShardToSplit=widest["ShardId"], NewStartingHashKey=str(middle)
    )
    site.wait_until_active()


def merge(site: KinesisSite) -> None:
    """Merge the first two neighbours."""
    first, second = sorted(_open(site), key=_first)[:2]
    site.kinesis.merge_shards(
        StreamName=site.stream, ShardToMerge=first["ShardId"], AdjacentShardToMerge=second["ShardId"]
    )
    site.wait_until_active()


def scale(site: KinesisSite, shards: int) -> None:
    """Have so many shards."""
    site.kinesis.update_shard_count(
        StreamName=site.stream, TargetShardCount=shards, ScalingType="UNIFORM_SCALING"
    )
    site.wait_until_active()


def _open(site: KinesisSite) -> list[dict[str, Any]]:
    shards = site.kinesis.list_shards(StreamName=site.stream)["Shards"]
    return [each for each in shards if "EndingSequenceNumber" not in each["SequenceNumberRange"]]


def _first(shard: dict[str, Any]) -> int:
    return int(shard["HashKeyRange"]["StartingHashKey"])


def _last(shard: dict[str, Any]) -> int:
    return int(shard["HashKeyRange"]["EndingHashKey"])
