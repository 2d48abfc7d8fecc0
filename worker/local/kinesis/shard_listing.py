"""Which shards a list has, and what it says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.local.kinesis.failures import invalid_argument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.local.kinesis.shards import Shard
    from worker.local.kinesis.stream_shapes import ShardFilter


def filtered(shards: Iterable[Shard], wanted: ShardFilter | None, horizon: float) -> list[Shard]:
    """Return those that a filter lets through; ``horizon``: records that came before it are trimmed."""
    if wanted is None:
        return list(shards)
    if wanted.type == "AFTER_SHARD_ID":
        if wanted.shard_id is None:
            raise invalid_argument("ShardId is required for the filter AFTER_SHARD_ID.")
        return [each for each in shards if each.id > wanted.shard_id]
    if wanted.type == "AT_LATEST":
        return [each for each in shards if not each.is_closed]
    if wanted.type.endswith("_TRIM_HORIZON"):
        timestamp = horizon
    elif wanted.timestamp is None:
        raise invalid_argument(f"Timestamp is required for the filter {wanted.type}.")
    else:
        timestamp = max(wanted.timestamp, horizon)
    since = [each for each in shards if each.closed_at is None or each.closed_at > timestamp]
    if wanted.type.startswith("FROM_"):
        return since
    return [each for each in since if each.created_seconds <= timestamp]


def described(shard: Shard) -> dict[str, Any]:
    """Return a shard as ListShards tells of it."""
    sequences = {"StartingSequenceNumber": str(shard.first_sequence)}
    if shard.ending_sequence is not None:
        sequences["EndingSequenceNumber"] = str(shard.ending_sequence)
    names = ("ParentShardId", "AdjacentParentShardId")
    return {
        "ShardId": shard.id,
        **dict(zip(names, shard.parents, strict=False)),
        "HashKeyRange": _hash_key_range(shard),
        "SequenceNumberRange": sequences,
    }


def described_child(shard: Shard) -> dict[str, Any]:
    """Return a shard as GetRecords tells of it at the end of its parent."""
    return {
        "ShardId": shard.id,
        "ParentShards": list(shard.parents),
        "HashKeyRange": _hash_key_range(shard),
    }


def _hash_key_range(shard: Shard) -> dict[str, str]:
    first, last = shard.hash_range
    return {"StartingHashKey": str(first), "EndingHashKey": str(last)}
