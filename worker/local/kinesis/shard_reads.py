"""Reading a shard: where an iterator points to, what a read gives, and how a shard ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.local.kinesis.failures import AwsError, invalid_argument, not_found
from worker.local.kinesis.read_limits import ReadLimits
from worker.local.kinesis.sequence_numbers import parsed
from worker.local.kinesis.shard_listing import described_child
from worker.local.kinesis.tokens import LIFE_SECONDS, ShardIterator

if TYPE_CHECKING:
    from worker.local.kinesis.behaviour import Behaviour
    from worker.local.kinesis.faults import Fate
    from worker.local.kinesis.shards import Record, Shard
    from worker.local.kinesis.stream_shapes import GetRecords, GetShardIterator
    from worker.local.kinesis.streams import Clock, Stream, Streams
    from worker.local.kinesis.tokens import Tokens

MAX_BYTES: Final = 10 << 20
_BY_NUMBER: Final = frozenset({"AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"})


class ShardReads:
    """GetShardIterator and GetRecords."""

    def __init__(self, streams: Streams, clock: Clock, behaviour: Behaviour, tokens: Tokens) -> None:
        self._streams = streams
        self._clock = clock
        self._behaviour = behaviour
        self._tokens = tokens
        self._limits: dict[tuple[str, float, str], ReadLimits] = {}
        self._valid_from = 0
        self._given = 0

    def expire_iterators(self) -> None:
        """Let all iterators that were given so far be too old."""
        self._valid_from = self._given

    def iterator(self, stream: Stream, request: GetShardIterator) -> str:
        """Return an iterator to where the request says."""
        shard = stream.shards.get(request.shard_id)
        if shard is None:
            raise not_found(f"Shard {request.shard_id} in stream {stream.name} does not exist")
        return self._text(stream, shard, self._position(shard, request))

    def records(self, request: GetRecords, fate: Fate) -> dict[str, Any]:
        """Return what there is from an iterator on, within the limits, and how to go on."""
        at = self._opened(request.shard_iterator)
        stream, shard = self._place(at)
        if fate.does("expire"):
            raise _expired(at.made_at, self._clock())
        limits = self._limits.setdefault((stream.name, stream.created_at, shard.id), ReadLimits())
        if self._behaviour.read_limits and not limits.allow(self._clock()):
            raise AwsError(
                "ProvisionedThroughputExceededException",
                f"Rate exceeded for shard {shard.id} in stream {stream.name}.",
            )
        start = int(at.sequence)
        records = [] if fate.does("empty") else shard.read(start, request.limit, MAX_BYTES)
        limits.note(sum(len(each.data) for each in records))
        following = records[-1].sequence + 1 if records else start
        behind = self._behind(shard, following)
        answer = {"Records": [_told(each) for each in records], "MillisBehindLatest": behind}
        is_end = shard.is_closed and shard.arrival_at(following) is None
        if is_end and not (records and self._behaviour.end_apart):
            return answer | self._end(stream, shard)
        return answer | {"NextShardIterator": self._text(stream, shard, following)}

    def _position(self, shard: Shard, request: GetShardIterator) -> int:
        kind, number, timestamp = (
            request.shard_iterator_type,
            request.starting_sequence_number,
            request.timestamp,
        )
        if (kind in _BY_NUMBER) != (number is not None):
            raise invalid_argument(
                "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
                "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. "
                f"Request specified {kind} and {'no' if number is None else 'also a'} StartingSequenceNumber."
            )
        if number is not None:
            _must_be_of(shard, int(number))
            return int(number) + (kind == "AFTER_SEQUENCE_NUMBER")
        if kind == "AT_TIMESTAMP":
            return self._position_at(shard, timestamp)
        return shard.next_sequence if kind == "LATEST" else shard.first_sequence

    def _position_at(self, shard: Shard, timestamp: float | None) -> int:
        if timestamp is None:
            raise invalid_argument(
                "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP."
            )
        if timestamp > self._clock():
            raise invalid_argument(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis."
            )
        return shard.first_since(timestamp)

    def _opened(self, text: str) -> ShardIterator:
        token = self._tokens.token(text)
        if not isinstance(token, ShardIterator):
            raise invalid_argument("Invalid ShardIterator.")
        now = self._clock()
        if now - token.made_at > LIFE_SECONDS or token.number <= self._valid_from:
            raise _expired(token.made_at, now)
        return token

    def _place(self, at: ShardIterator) -> tuple[Stream, Shard]:
        gone = not_found(f"Shard {at.shard} in stream {at.stream} does not exist")
        stream = self._streams[at.stream]
        # A stream that was made anew has other shards, though of the same names.
        if stream.created_at != at.stream_created_at or at.shard not in stream.shards:
            raise gone
        return stream, stream.shards[at.shard]

    def _behind(self, shard: Shard, following: int) -> int:
        arrival = shard.arrival_at(following)
        return 0 if arrival is None else max(0, int(1000 * (self._clock() - arrival)))

    def _end(self, stream: Stream, shard: Shard) -> dict[str, Any]:
        end: dict[str, Any] = {} if self._behaviour.end_is_missing else {"NextShardIterator": None}
        if self._behaviour.tells_children:
            end["ChildShards"] = [described_child(each) for each in stream.children(shard)]
        return end

    def _text(self, stream: Stream, shard: Shard, position: int) -> str:
        self._given += 1
        return self._tokens.text(
            ShardIterator(self._clock(), self._given, stream.name, stream.created_at, shard.id, str(position))
        )


def _must_be_of(shard: Shard, number: int) -> None:
    """Refuse a sequence number that is not of this shard; that there was a record of it is not asked."""
    parts = parsed(number)
    if parts is None:
        raise invalid_argument(f"StartingSequenceNumber {number} used on shard {shard.id} is invalid.")
    if parts.shard != shard.number:
        raise invalid_argument(
            f"Invalid StartingSequenceNumber. It encodes shardId-{parts.shard:012d}, while it was used in a "
            f"call to a shard with {shard.id}"
        )
    if parts.created_seconds != shard.created_seconds:
        raise invalid_argument(
            f"StartingSequenceNumber {number} used on shard {shard.id} is invalid because it did not "
            "come from this stream."
        )


def _expired(made_at: float, now: float) -> AwsError:
    return AwsError(
        "ExpiredIteratorException",
        f"Iterator expired. The iterator was created at time {made_at:.0f} while right now it is {now:.0f} "
        f"which is further in the future than the tolerated delay of {1000 * LIFE_SECONDS} milliseconds.",
    )


def _told(record: Record) -> dict[str, Any]:
    return {
        "SequenceNumber": str(record.sequence),
        "ApproximateArrivalTimestamp": round(record.arrived_seconds, 3),
        "Data": record.data,
        "PartitionKey": record.partition_key,
    }
