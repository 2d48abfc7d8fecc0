"""The requests of Kinesis that the stand-in takes, with the limits of the API's model (2013-12-02).

A member that is not here is refused, though AWS may know it: the worker has no use for it.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

StreamName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_.-]+$")]
ShardId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_.-]+$")]
Sequence: TypeAlias = Annotated[str, Meta(pattern=r"^(0|([1-9][0-9]{0,128}))$")]
HashKey: TypeAlias = Annotated[str, Meta(pattern=r"^(0|([1-9][0-9]{0,38}))$")]
PartitionKey: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
Positive: TypeAlias = Annotated[int, Meta(ge=1)]
IteratorType: TypeAlias = Literal[
    "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"
]


class _Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="pascal"):
    """Members are named as in the API, but for abbreviations, which are named here."""


class OfStream(_Request, frozen=True, kw_only=True):
    """A request about one stream, named by its name or by its ARN."""

    stream_name: StreamName | None = None
    stream_arn: str | None = field(default=None, name="StreamARN")


class StreamMode(_Request, frozen=True, kw_only=True):
    """How the capacity is found."""

    stream_mode: Literal["PROVISIONED", "ON_DEMAND"]


class CreateStream(_Request, frozen=True, kw_only=True):
    """Create a stream."""

    stream_name: StreamName
    shard_count: Positive | None = None
    stream_mode_details: StreamMode | None = None


class DeleteStream(OfStream, frozen=True, kw_only=True):
    """Delete a stream."""

    enforce_consumer_deletion: bool = False


class DescribeStream(OfStream, frozen=True, kw_only=True):
    """A stream with its shards, in pages."""

    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100
    exclusive_start_shard_id: ShardId | None = None


class DescribeStreamSummary(OfStream, frozen=True, kw_only=True):
    """A stream without its shards."""


class ShardFilter(_Request, frozen=True, kw_only=True):
    """Which shards are listed."""

    type: Literal[
        "AFTER_SHARD_ID",
        "AT_TRIM_HORIZON",
        "FROM_TRIM_HORIZON",
        "AT_LATEST",
        "AT_TIMESTAMP",
        "FROM_TIMESTAMP",
    ]
    shard_id: ShardId | None = None
    timestamp: float | None = None


class ListShards(OfStream, frozen=True, kw_only=True):
    """The shards of a stream, in pages."""

    next_token: Annotated[str, Meta(min_length=1, max_length=1_048_576)] | None = None
    exclusive_start_shard_id: ShardId | None = None
    max_results: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    shard_filter: ShardFilter | None = None


class GetShardIterator(OfStream, frozen=True, kw_only=True):
    """Where to read from."""

    shard_id: ShardId
    shard_iterator_type: IteratorType
    starting_sequence_number: Sequence | None = None
    timestamp: float | None = None


class GetRecords(_Request, frozen=True, kw_only=True):
    """Read on."""

    shard_iterator: Annotated[str, Meta(min_length=1, max_length=512)]
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 10_000
    stream_arn: str | None = field(default=None, name="StreamARN")


class PutRecord(OfStream, frozen=True, kw_only=True):
    """Write one record."""

    data: bytes
    partition_key: PartitionKey
    explicit_hash_key: HashKey | None = None
    sequence_number_for_ordering: Sequence | None = None


class Entry(_Request, frozen=True, kw_only=True):
    """One record of PutRecords."""

    data: bytes
    partition_key: PartitionKey
    explicit_hash_key: HashKey | None = None


class PutRecords(OfStream, frozen=True, kw_only=True):
    """Write records; some may fail."""

    records: Annotated[list[Entry], Meta(min_length=1, max_length=500)]


class SplitShard(OfStream, frozen=True, kw_only=True):
    """Make two shards of one."""

    shard_to_split: ShardId
    new_starting_hash_key: HashKey


class MergeShards(OfStream, frozen=True, kw_only=True):
    """Make one shard of two."""

    shard_to_merge: ShardId
    adjacent_shard_to_merge: ShardId


class UpdateShardCount(OfStream, frozen=True, kw_only=True):
    """Split and merge until there are so many."""

    target_shard_count: Positive
    scaling_type: Literal["UNIFORM_SCALING"]
