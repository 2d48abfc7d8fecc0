"""The shards of a stream as the lease table names them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from worker.core.leases.shards import Shard
from worker.sources.kinesis.errors import FaultKind, StreamFault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.sources.kinesis.shapes import ListedShard

_SHARD_ID: Final = re.compile(r"shardId-([0-9]{12})")
UNKNOWN_SHARD_ID: Final = StreamFault(
    FaultKind.HOLD,
    "UnknownShardId",
    "this worker knows shards by ids such as shardId-000000000000, and the stream has others: report it",
)


def as_shards(
    listed: Iterable[ListedShard], stream: str, key_prefix: str = "", created_at: int | None = None
) -> tuple[Shard, ...] | StreamFault:
    """Return the shards as leases name them.

    Args:
        listed: from ListShards.
        stream: the stream's name.
        key_prefix: what comes before a shard's id in its lease's key; empty with the KCL for one stream.
        created_at: when the stream was made, in epoch seconds, if that is known.
    """
    shards = []
    for each in listed:
        match = _SHARD_ID.fullmatch(each.shard_id)
        if match is None:
            return UNKNOWN_SHARD_ID
        parents = (each.parent_shard_id, each.adjacent_parent_shard_id)
        keys = each.hash_key_range
        shards.append(
            Shard(
                key=key_prefix + each.shard_id,
                stream=stream,
                number=int(match[1]),
                parents=frozenset(key_prefix + parent for parent in parents if parent is not None),
                hash_range=(keys.starting_hash_key, keys.ending_hash_key),
                is_closed=each.sequence_number_range.ending_sequence_number is not None,
                created_at=created_at,
            )
        )
    return tuple(shards)
