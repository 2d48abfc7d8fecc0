"""The operations that the stand-in knows, by the name in ``X-Amz-Target``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from msgspec import Struct

from worker.local.kinesis import stream_shapes, table_shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

Service: TypeAlias = Literal["Kinesis", "DynamoDB"]

# Calls that read or write records or items; any other is throttled as one too many of its kind.
_OF_RECORDS: Final = frozenset({"GetRecords", "GetShardIterator", "PutRecord", "PutRecords"})


class Operation(Struct, frozen=True):
    """One operation of one of the services."""

    service: Service
    request: type[Struct]

    @property
    def name(self) -> str:
        """As the API names it."""
        return self.request.__name__

    @property
    def method(self) -> str:
        """As the calls in Python are named."""
        return "".join(f"_{each.lower()}" if each.isupper() else each for each in self.name).lstrip("_")

    @property
    def is_provisioned(self) -> bool:
        """Whether the throughput of shards or of a table is what throttles it."""
        return self.service == "DynamoDB" or self.name in _OF_RECORDS

    @property
    def internal_failure(self) -> str:
        """The code of a 500."""
        return "InternalFailure" if self.service == "Kinesis" else "InternalServerError"


STREAM_REQUESTS: Final[tuple[type[Struct], ...]] = (
    stream_shapes.CreateStream,
    stream_shapes.DeleteStream,
    stream_shapes.DescribeStream,
    stream_shapes.DescribeStreamSummary,
    stream_shapes.GetRecords,
    stream_shapes.GetShardIterator,
    stream_shapes.ListShards,
    stream_shapes.MergeShards,
    stream_shapes.PutRecord,
    stream_shapes.PutRecords,
    stream_shapes.SplitShard,
    stream_shapes.UpdateShardCount,
)
TABLE_REQUESTS: Final[tuple[type[Struct], ...]] = (
    table_shapes.CreateTable,
    table_shapes.DeleteItem,
    table_shapes.DeleteTable,
    table_shapes.DescribeTable,
    table_shapes.GetItem,
    table_shapes.PutItem,
    table_shapes.Scan,
    table_shapes.UpdateItem,
)
OPERATIONS: Final[Mapping[str, Operation]] = {
    **{f"Kinesis_20131202.{each.__name__}": Operation("Kinesis", each) for each in STREAM_REQUESTS},
    **{f"DynamoDB_20120810.{each.__name__}": Operation("DynamoDB", each) for each in TABLE_REQUESTS},
}
