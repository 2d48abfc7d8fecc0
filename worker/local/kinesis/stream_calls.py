"""What Kinesis answers: each call a method, from its request to the members of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec.structs import replace

from worker.local.kinesis.failures import AwsError, invalid_argument
from worker.local.kinesis.shard_listing import described, filtered
from worker.local.kinesis.shard_reads import ShardReads
from worker.local.kinesis.tokens import LIFE_SECONDS, ShardPage, Tokens

if TYPE_CHECKING:
    from worker.local.kinesis import stream_shapes as shapes
    from worker.local.kinesis.behaviour import Behaviour
    from worker.local.kinesis.faults import Fate
    from worker.local.kinesis.streams import Clock, Stream, Streams

Answer: TypeAlias = dict[str, Any]
"""The members of an answer."""

ARN: Final = "arn:aws:kinesis:local:000000000000:stream/"
# Of PutRecords; 5 MiB until streams could be made for larger records.
MAX_CALL_BYTES: Final = 10 << 20


class StreamCalls:
    """The calls of Kinesis, on these streams."""

    def __init__(self, streams: Streams, clock: Clock, behaviour: Behaviour) -> None:
        self._streams = streams
        self._clock = clock
        self._behaviour = behaviour
        self._tokens = Tokens()
        self._reads = ShardReads(streams, clock, behaviour, self._tokens)

    def expire_iterators(self) -> None:
        """Let all iterators that were given so far be too old."""
        self._reads.expire_iterators()

    def create_stream(self, request: shapes.CreateStream, _: Fate) -> Answer:
        """With one shard, or four on demand, unless told."""
        is_on_demand = (
            request.stream_mode_details is not None and request.stream_mode_details.stream_mode == "ON_DEMAND"
        )
        self._streams.create(request.stream_name, request.shard_count or (4 if is_on_demand else 1))
        return {}

    def delete_stream(self, request: shapes.DeleteStream, _: Fate) -> Answer:
        """Iterators into it are worth nothing from now on."""
        self._streams.delete(self._stream(request).name)
        return {}

    def describe_stream_summary(self, request: shapes.DescribeStreamSummary, _: Fate) -> Answer:
        """Without the shards."""
        stream = self._stream(request)
        summary = {"OpenShardCount": len(stream.open_shards), "ConsumerCount": 0}
        return {"StreamDescriptionSummary": self._description(stream) | summary}

    def describe_stream(self, request: shapes.DescribeStream, _: Fate) -> Answer:
        """With the shards, by name."""
        stream = self._stream(request)
        after = request.exclusive_start_shard_id or ""
        shards = [each for each in stream.shards.values() if each.id > after]
        page = {
            "Shards": [described(each) for each in shards[: request.limit]],
            "HasMoreShards": len(shards) > request.limit,
        }
        return {"StreamDescription": self._description(stream) | page}

    def list_shards(self, request: shapes.ListShards, _: Fate) -> Answer:
        """By name; a page says how to ask for the next one."""
        if request.next_token is None:
            stream = self._stream(request)
            page = ShardPage(
                self._clock(),
                stream.name,
                stream.created_at,
                request.exclusive_start_shard_id or "",
                request.max_results or self._behaviour.shards_in_page,
                request.shard_filter,
            )
        else:
            stream, page = self._next_page(request)
        horizon = max(self._clock() - self._behaviour.retention_seconds, stream.created_at)
        listed = filtered(stream.shards.values(), page.wanted, horizon)
        shards = [each for each in listed if each.id > page.after]
        most = min(page.most, self._behaviour.shards_in_page)
        answer: Answer = {"Shards": [described(each) for each in shards[:most]]}
        if len(shards) > most:
            following = replace(page, made_at=self._clock(), after=shards[most - 1].id)
            answer["NextToken"] = self._tokens.text(following)
        return answer

    def get_shard_iterator(self, request: shapes.GetShardIterator, _: Fate) -> Answer:
        """Opaque, for five minutes."""
        return {"ShardIterator": self._reads.iterator(self._stream(request), request)}

    def get_records(self, request: shapes.GetRecords, fate: Fate) -> Answer:
        """See ``shard_reads``."""
        return self._reads.records(request, fate)

    def put_record(self, request: shapes.PutRecord, _: Fate) -> Answer:
        """To the shard of its hash key."""
        return self._put(self._stream(request), request)

    def put_records(self, request: shapes.PutRecords, fate: Fate) -> Answer:
        """In order, unless some of them fail."""
        if sum(len(each.data) + len(each.partition_key) for each in request.records) > MAX_CALL_BYTES:
            raise invalid_argument(f"Records size exceeds {MAX_CALL_BYTES} bytes.")
        stream = self._stream(request)
        code = None
        if fate.rule is not None and fate.does("partial"):
            code = fate.rule.code or "ProvisionedThroughputExceededException"
        entries = [
            {"ErrorCode": code, "ErrorMessage": "By the plan of faults"}
            if code is not None and place % 2
            else self._put(stream, each)
            for place, each in enumerate(request.records)
        ]
        failed = sum("ErrorCode" in each for each in entries)
        return {"FailedRecordCount": failed, "Records": entries}

    def split_shard(self, request: shapes.SplitShard, _: Fate) -> Answer:
        """The stream is UPDATING meanwhile."""
        self._stream(request).split(request.shard_to_split, int(request.new_starting_hash_key))
        return {}

    def merge_shards(self, request: shapes.MergeShards, _: Fate) -> Answer:
        """The stream is UPDATING meanwhile."""
        self._stream(request).merge(request.shard_to_merge, request.adjacent_shard_to_merge)
        return {}

    def update_shard_count(self, request: shapes.UpdateShardCount, _: Fate) -> Answer:
        """The stream is UPDATING meanwhile."""
        stream = self._stream(request)
        current = len(stream.open_shards)
        stream.update_shard_count(request.target_shard_count)
        return {
            "StreamName": stream.name,
            "StreamARN": f"{ARN}{stream.name}",
            "CurrentShardCount": current,
            "TargetShardCount": request.target_shard_count,
        }

    def _next_page(self, request: shapes.ListShards) -> tuple[Stream, ShardPage]:
        others = (request.stream_name, request.exclusive_start_shard_id, request.shard_filter)
        if any(each is not None for each in others):
            raise invalid_argument("NextToken and StreamName cannot be provided together.")
        page = self._tokens.token(request.next_token or "")
        if not isinstance(page, ShardPage):
            raise invalid_argument("Invalid NextToken.")
        if self._clock() - page.made_at > LIFE_SECONDS:
            raise AwsError("ExpiredNextTokenException", "NextToken expired.")
        return self._streams[page.stream], replace(page, most=request.max_results or page.most)

    def _stream(self, request: shapes.OfStream) -> Stream:
        if request.stream_name is not None:
            return self._streams[request.stream_name]
        if request.stream_arn is None:
            raise invalid_argument("Either StreamARN or StreamName must be provided.")
        return self._streams[request.stream_arn.rpartition("/")[2]]

    def _put(self, stream: Stream, entry: shapes.PutRecord | shapes.Entry) -> Answer:
        explicit = None if entry.explicit_hash_key is None else int(entry.explicit_hash_key)
        shard, sequence = stream.put(entry.partition_key, entry.data, explicit)
        return {"ShardId": shard.id, "SequenceNumber": str(sequence)}

    def _description(self, stream: Stream) -> Answer:
        return {
            "StreamName": stream.name,
            "StreamARN": f"{ARN}{stream.name}",
            "StreamStatus": stream.status,
            "StreamModeDetails": {"StreamMode": "PROVISIONED"},
            # In whole seconds, as AWS tells it.
            "StreamCreationTimestamp": int(stream.created_at),
            "RetentionPeriodHours": int(self._behaviour.retention_seconds // 3600),
            "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
            "EncryptionType": "NONE",
            "MaxRecordSizeInKiB": self._behaviour.max_record_bytes >> 10,
        }
