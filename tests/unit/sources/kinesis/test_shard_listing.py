from __future__ import annotations

import pytest

from worker.core.leases.shards import Shard
from worker.sources.kinesis.shapes import HashKeyRange, ListedShard, SequenceNumberRange
from worker.sources.kinesis.shard_listing import UNKNOWN_SHARD_ID, as_shards


def listed(shard_id: str, end: int | None = None, *parents: str) -> ListedShard:
    first, second = (*parents, None, None)[:2]
    return ListedShard(shard_id, HashKeyRange(5, 9), SequenceNumberRange(1, end), first, second)


@pytest.mark.parametrize("prefix", ["", "123456789012:clicks:1700000000:"])
def test_shards_are_named_as_their_leases(prefix: str) -> None:
    merged = listed("shardId-000000000012", None, "shardId-000000000003", "shardId-000000000004")
    found = as_shards([listed("shardId-000000000003", 7), merged], "clicks", prefix)
    assert found == (
        Shard(
            key=f"{prefix}shardId-000000000003",
            stream="clicks",
            number=3,
            parents=frozenset(),
            hash_range=(5, 9),
            is_closed=True,
        ),
        Shard(
            key=f"{prefix}shardId-000000000012",
            stream="clicks",
            number=12,
            parents=frozenset({f"{prefix}shardId-000000000003", f"{prefix}shardId-000000000004"}),
            hash_range=(5, 9),
            is_closed=False,
        ),
    )


@pytest.mark.parametrize(
    "shard_id", ["shard-0", "shardId-12", "shardId-0000000000000", "shardId-00000000000x"]
)
def test_ids_of_another_form_are_told_and_not_guessed(shard_id: str) -> None:
    assert as_shards([listed("shardId-000000000003"), listed(shard_id)], "clicks") == UNKNOWN_SHARD_ID
