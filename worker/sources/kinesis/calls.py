"""The calls of one stream, typed. Each is one attempt; whoever calls decides about the next.

Nothing here raises but cancellation: what was not done is a ``StreamFault``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from worker.aws.error_answers import UNREADABLE
from worker.aws.json_client import AwsFault
from worker.sources.kinesis.errors import NO_ITERATOR, NOT_THE_API, FaultKind, StreamFault, stream_fault
from worker.sources.kinesis.shapes import (
    IteratorAnswer,
    ListedShard,
    PutAnswer,
    PutEntry,
    PutsAnswer,
    RecordsAnswer,
    ShardsAnswer,
    StreamSummary,
    SummaryAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from worker.aws.json_client import Answered
    from worker.core.leases.shards import Shard

    Call: TypeAlias = Callable[[str, bytes], Awaitable[Answered | AwsFault]]

# 10 MiB of records are 14 MB of base64. 10,000 partition keys of 256 characters are 8 MB at most.
MAX_RECORDS_ANSWER_BYTES: Final = 24 << 20
_TARGET: Final = "Kinesis_20131202."
_ARN: Final = "arn:"
# Of 1,000 shards each. A listing that goes on and on is not one.
_MAX_PAGES: Final = 1000

T = TypeVar("T")


class AtSequence(Struct, frozen=True):
    """Begin with this record."""

    sequence: int


class AfterSequence(Struct, frozen=True):
    """Begin with the record after this one."""

    sequence: int


class AtTime(Struct, frozen=True):
    """Begin with the first record that came at or after a time, in epoch seconds."""

    epoch_seconds: float


class FromTrimHorizon(Struct, frozen=True):
    """Begin with the oldest record that there is."""


class FromLatest(Struct, frozen=True):
    """Begin with the records that come after this call."""


Start: TypeAlias = AtSequence | AfterSequence | AtTime | FromTrimHorizon | FromLatest


class _Request(Struct, frozen=True, rename="pascal", omit_defaults=True):
    """The parameters of any call; each names the stream, and adds its own."""

    stream_name: str | None = None
    stream_arn: str | None = msgspec.field(default=None, name="StreamARN")
    next_token: str | None = None
    shard_id: str | None = None
    shard_iterator: str | None = None
    shard_iterator_type: str | None = None
    starting_sequence_number: str | None = None
    timestamp: float | None = None
    limit: int | None = None
    data: bytes | None = None
    partition_key: str | None = None
    explicit_hash_key: str | None = None
    records: Sequence[PutEntry] | None = None


# ``strict``: sequence numbers and hash keys are numbers written as text.
_SHARDS: Final = msgspec.json.Decoder(ShardsAnswer, strict=False)
_SUMMARY: Final = msgspec.json.Decoder(SummaryAnswer, strict=False)
_ITERATOR: Final = msgspec.json.Decoder(IteratorAnswer, strict=False)
_RECORDS: Final = msgspec.json.Decoder(RecordsAnswer, strict=False)
_PUT: Final = msgspec.json.Decoder(PutAnswer, strict=False)
_PUTS: Final = msgspec.json.Decoder(PutsAnswer, strict=False)
_ENCODE: Final = msgspec.json.Encoder().encode


class StreamCalls:
    """The calls of one stream.

    Args:
        call: makes one call of Kinesis; ``JsonClient.call``.
        stream: the stream's name, or its whole ARN, which may be another account's.
    """

    def __init__(self, call: Call, stream: str) -> None:
        self._call = call
        self._names: dict[str, Any] = (
            {"stream_arn": stream} if stream.startswith(_ARN) else {"stream_name": stream}
        )
        # Reads name a stream by its ARN or not at all: the iterator knows the stream.
        self._arn: dict[str, Any] = self._names if stream.startswith(_ARN) else {}

    async def list_shards(self) -> tuple[ListedShard, ...] | StreamFault:
        """Return all shards whose records the stream still keeps, the closed ones too."""
        listed: list[ListedShard] = []
        page = await self._ask("ListShards", _SHARDS, **self._names)
        for _ in range(_MAX_PAGES):
            if isinstance(page, StreamFault):
                return page
            listed.extend(page.shards)
            if not page.next_token:
                return tuple(listed)
            # Whatever is named besides the token is refused.
            page = await self._ask("ListShards", _SHARDS, next_token=page.next_token)
        return StreamFault(FaultKind.PASSING, "EndlessListing", NOT_THE_API.advice)

    async def describe(self) -> StreamSummary | StreamFault:
        """Return what identifies the stream, and its state."""
        answer = await self._ask("DescribeStreamSummary", _SUMMARY, **self._names)
        return answer if isinstance(answer, StreamFault) else answer.stream_description_summary

    async def shard_iterator(self, shard: Shard, start: Start) -> str | StreamFault:
        """Return an iterator that is good for five minutes."""
        where = _where(start)
        shard_id = shard_id_of(shard.number)
        answer = await self._ask("GetShardIterator", _ITERATOR, shard_id=shard_id, **where, **self._names)
        return answer if isinstance(answer, StreamFault) else answer.shard_iterator or NO_ITERATOR

    async def get_records(self, shard: Shard, iterator: str, limit: int) -> RecordsAnswer | StreamFault:
        """Read up to ``limit`` records, 10,000 at most; fewer, or none, say nothing of what is there."""
        del shard  # the iterator knows it
        return await self._ask("GetRecords", _RECORDS, shard_iterator=iterator, limit=limit, **self._arn)

    async def put_record(
        self, data: bytes, partition_key: str, *, explicit_hash_key: str | None = None
    ) -> PutAnswer | StreamFault:
        """Put one record. It may be there twice if this fails and is repeated."""
        record = {"data": data, "partition_key": partition_key, "explicit_hash_key": explicit_hash_key}
        return await self._ask("PutRecord", _PUT, **record, **self._names)

    async def put_records(self, records: Sequence[PutEntry]) -> PutsAnswer | StreamFault:
        """Put up to 500 records, of which some may be refused."""
        return await self._ask("PutRecords", _PUTS, records=records, **self._names)

    async def _ask(
        self,
        operation: str,
        decoder: msgspec.json.Decoder[T],
        **parameters: Any,  # noqa: ANN401  those of ``_Request``
    ) -> T | StreamFault:
        answer = await self._call(f"{_TARGET}{operation}", _ENCODE(_Request(**parameters)))
        if isinstance(answer, AwsFault):
            return stream_fault(answer)
        try:
            return decoder.decode(answer.body)
        except UNREADABLE:
            return NOT_THE_API


def shard_id_of(number: int) -> str:
    """Return the id of the shard with this number."""
    return f"shardId-{number:012d}"


def _where(start: Start) -> Mapping[str, Any]:
    match start:
        case AtSequence(sequence):
            return {"shard_iterator_type": "AT_SEQUENCE_NUMBER", "starting_sequence_number": str(sequence)}
        case AfterSequence(sequence):
            return {"shard_iterator_type": "AFTER_SEQUENCE_NUMBER", "starting_sequence_number": str(sequence)}
        case AtTime(epoch_seconds):
            return {"shard_iterator_type": "AT_TIMESTAMP", "timestamp": epoch_seconds}
        case FromTrimHorizon():
            return {"shard_iterator_type": "TRIM_HORIZON"}
        case FromLatest():
            return {"shard_iterator_type": "LATEST"}
