"""Shards: what ListShards tells of a stream."""

from __future__ import annotations

from msgspec import Struct


class Shard(Struct, frozen=True, kw_only=True):
    """One shard of a stream."""

    key: str
    """As the key of its lease."""
    stream: str
    """The stream's name."""
    number: int
    """Of ``shardId-%012d``; never given twice in a stream's life."""
    parents: frozenset[str]
    """Keys of the shards that it was made of by a split or a merge; they may be gone."""
    hash_range: tuple[int, int]
    """The first and the last hash key."""
    is_closed: bool
    """Whether it takes no records any more: it has an ending sequence number."""
    created_at: int | None = None
    """When its stream was made, in epoch seconds; None while nobody says."""
