"""What the calls of a stream send and get, member for member as in the service model ``kinesis`` 2013-12-02.

Members that nobody here reads are left out. A member that is required in the model is required here, so that
what is not an answer of Kinesis is not taken for one: an answer without ``Records``, say, for a shard's end.
Any other may be missing or null, which is the same.
"""

from __future__ import annotations

from msgspec import Struct, field


class HashKeyRange(Struct, frozen=True, rename="pascal", gc=False):
    """The hash keys of a shard, both ends included."""

    starting_hash_key: int
    ending_hash_key: int


class SequenceNumberRange(Struct, frozen=True, rename="pascal", gc=False):
    """Open at the end while the shard takes records."""

    starting_sequence_number: int
    ending_sequence_number: int | None = None


class ListedShard(Struct, frozen=True, rename="pascal"):
    """A shard as ListShards tells of it."""

    shard_id: str
    hash_key_range: HashKeyRange
    sequence_number_range: SequenceNumberRange
    parent_shard_id: str | None = None
    adjacent_parent_shard_id: str | None = None


class ShardsAnswer(Struct, frozen=True, rename="pascal"):
    """One page of ListShards."""

    shards: tuple[ListedShard, ...]
    next_token: str | None = None


class StreamSummary(Struct, frozen=True, rename="pascal"):
    """What identifies a stream, and its state."""

    stream_name: str
    stream_arn: str = field(name="StreamARN")
    stream_status: str
    stream_creation_timestamp: float
    """Epoch seconds: another one under the same name is another stream."""
    retention_period_hours: int | None = None
    encryption_type: str | None = None
    key_id: str | None = None
    """The KMS key, if it is encrypted."""
    open_shard_count: int | None = None


class SummaryAnswer(Struct, frozen=True, rename="pascal"):
    """What DescribeStreamSummary answers."""

    stream_description_summary: StreamSummary


class IteratorAnswer(Struct, frozen=True, rename="pascal"):
    """What GetShardIterator answers."""

    shard_iterator: str | None = None
    """None: the shard is closed, and there is nothing more (seen at AWS: apache/storm, STORM-3547)."""


class StreamRecord(Struct, frozen=True, rename="pascal", gc=False):
    """A record as it stands in the stream: the producer's own, or an aggregate of the KPL."""

    sequence_number: int
    data: bytes
    partition_key: str
    arrived_at: float = field(default=0.0, name="ApproximateArrivalTimestamp")
    """When the stream took it, in epoch seconds; 0 if that is not told."""


class ChildShard(Struct, frozen=True, rename="pascal"):
    """A shard that begins where this one ends."""

    shard_id: str
    parent_shards: tuple[str, ...] | None = None
    hash_key_range: HashKeyRange | None = None


class RecordsAnswer(Struct, frozen=True, rename="pascal"):
    """What GetRecords answers."""

    records: tuple[StreamRecord, ...]
    next_iterator: str | None = field(default=None, name="NextShardIterator")
    """None: the shard is closed, and nothing comes after these records."""
    millis_behind_latest: int | None = None
    child_shards: tuple[ChildShard, ...] | None = None
    """Only at the end of a shard, and only some endpoints tell."""


class PutAnswer(Struct, frozen=True, rename="pascal"):
    """What PutRecord answers, and PutRecords of each record that it took."""

    shard_id: str
    sequence_number: int


class PutResult(Struct, frozen=True, rename="pascal"):
    """What became of one record of PutRecords: either it stands in a shard, or there is an error code."""

    shard_id: str | None = None
    sequence_number: int | None = None
    error_code: str | None = None


class PutsAnswer(Struct, frozen=True, rename="pascal"):
    """What PutRecords answers, in the order of the records."""

    records: tuple[PutResult, ...]


class PutEntry(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """A record to put."""

    data: bytes
    partition_key: str
    explicit_hash_key: str | None = None
