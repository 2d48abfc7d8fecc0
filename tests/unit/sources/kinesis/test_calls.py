from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sources.kinesis.clients import Script, fault, kinesis_at
from worker.core.leases.shards import Shard
from worker.local.kinesis.behaviour import Behaviour
from worker.local.kinesis.endpoint import LocalKinesis
from worker.sources.kinesis.calls import (
    AfterSequence,
    AtSequence,
    AtTime,
    FromLatest,
    FromTrimHorizon,
    Start,
    StreamCalls,
)
from worker.sources.kinesis.errors import NOT_THE_API, FaultKind, StreamFault
from worker.sources.kinesis.shapes import PutEntry, RecordsAnswer, StreamRecord

NUMBER = 49590338271490256608559692538361571095921575989136588898
ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
SHARD = Shard(
    key="shardId-000000000007",
    stream="clicks",
    number=7,
    parents=frozenset(),
    hash_range=(0, 2**128 - 1),
    is_closed=False,
)
BY_NAME, BY_ARN = {"StreamName": "clicks"}, {"StreamARN": ARN}
ITERATOR = {"ShardIterator": "AAA"}


def listed(number: int, **more: object) -> dict[str, Any]:
    return {
        "ShardId": f"shardId-{number:012d}",
        "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": str(2**128 - 1)},
        "SequenceNumberRange": {"StartingSequenceNumber": str(NUMBER)},
        **more,
    }


def record(data: bytes = b"x", **more: object) -> dict[str, Any]:
    return {
        "SequenceNumber": str(NUMBER),
        "ApproximateArrivalTimestamp": 1441215410.867,
        "Data": b64encode(data).decode(),
        "PartitionKey": "k",
        **more,
    }


@pytest.mark.parametrize(("stream", "names"), [("clicks", BY_NAME), (ARN, BY_ARN)])
@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (
            AtSequence(NUMBER),
            {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": str(NUMBER)},
        ),
        (
            AfterSequence(NUMBER),
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": str(NUMBER)},
        ),
        (AtTime(1700000000.5), {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 1700000000.5}),
        (FromTrimHorizon(), {"ShardIteratorType": "TRIM_HORIZON"}),
        (FromLatest(), {"ShardIteratorType": "LATEST"}),
    ],
)
async def test_an_iterator_is_asked_for_where_reading_begins(
    stream: str, names: dict[str, str], start: Start, expected: dict[str, object]
) -> None:
    script = Script(ITERATOR)
    assert await StreamCalls(script, stream).shard_iterator(SHARD, start) == "AAA"
    assert script.asked == [
        ("Kinesis_20131202.GetShardIterator", {"ShardId": "shardId-000000000007", **expected, **names})
    ]


async def test_reads_name_the_stream_by_its_arn_or_not_at_all() -> None:
    script = Script(*[{"Records": [], "NextShardIterator": "B"}] * 2)
    for stream in ("clicks", ARN):
        await StreamCalls(script, stream).get_records(SHARD, "A", 500)
    assert script.parameters == [
        {"ShardIterator": "A", "Limit": 500},
        {"ShardIterator": "A", "Limit": 500, "StreamARN": ARN},
    ]


async def test_records_come_with_their_bytes_and_their_numbers() -> None:
    script = Script(
        {
            "Records": [record(bytes(range(256)), EncryptionType="KMS")],
            "NextShardIterator": "B",
            "MillisBehindLatest": 1200,
            "Unknown": {"later": 1},
        }
    )
    answer = await StreamCalls(script, "clicks").get_records(SHARD, "A", 1)
    assert answer == RecordsAnswer((StreamRecord(NUMBER, bytes(range(256)), "k", 1441215410.867),), "B", 1200)


async def test_members_that_are_null_are_as_if_they_were_missing() -> None:
    """So one emulator writes all of them."""
    script = Script(
        {"Records": [record(EncryptionType=None)], "NextShardIterator": "B", "ChildShards": None},
        {"Shards": [listed(0, ParentShardId=None, AdjacentParentShardId=None)], "NextToken": None},
    )
    calls = StreamCalls(script, "clicks")
    answer = await calls.get_records(SHARD, "A", 1)
    assert isinstance(answer, RecordsAnswer)
    assert (len(answer.records), answer.child_shards) == (1, None)
    assert not isinstance(await calls.list_shards(), StreamFault)


@pytest.mark.parametrize("end", [{}, {"NextShardIterator": None}])
async def test_an_iterator_that_is_missing_or_null_is_the_shards_end(end: dict[str, None]) -> None:
    child = {"ShardId": "shardId-000000000009", "ParentShards": ["shardId-000000000007"]}
    script = Script({"Records": [], "MillisBehindLatest": 0, "ChildShards": [child], **end})
    answer = await StreamCalls(script, "clicks").get_records(SHARD, "A", 1)
    assert isinstance(answer, RecordsAnswer)
    assert answer.next_iterator is None
    assert answer.child_shards is not None
    assert [(each.shard_id, each.parent_shards) for each in answer.child_shards] == [
        ("shardId-000000000009", ("shardId-000000000007",))
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"<html>",
        b'{"Records":null}',
        b'{"NextShardIterator":null}',
        b'{"Records":[{"Data":"!!!","PartitionKey":"k","SequenceNumber":"1"}]}',
        b'{"Records":[{"Data":"","PartitionKey":"k","SequenceNumber":"x"}]}',
        b'{"Records":[{"PartitionKey":"k","SequenceNumber":"1"}]}',
        b'{"Records":[]',
        b"\xff",
    ],
)
async def test_what_is_no_answer_is_no_end_of_a_shard(body: bytes) -> None:
    """A login page or an empty object would finish the shard, and all that it holds would be lost."""
    assert await StreamCalls(Script(body), "clicks").get_records(SHARD, "A", 1) == NOT_THE_API


ANSWERS = [b'{"Records":[]}', b'{"Shards":[]}', b'{"ShardIterator":"A"}']


@given(st.binary(max_size=100) | st.sampled_from(ANSWERS))
async def test_whatever_comes_nothing_raises(body: bytes) -> None:
    calls = StreamCalls(Script(*[body] * 6), "clicks")
    for answer in (
        await calls.get_records(SHARD, "A", 1),
        await calls.list_shards(),
        await calls.describe(),
        await calls.shard_iterator(SHARD, FromLatest()),
        await calls.put_record(b"", "k"),
        await calls.put_records([]),
    ):
        assert answer == NOT_THE_API or body in ANSWERS


async def test_all_pages_of_shards_are_read_and_only_the_first_names_the_stream() -> None:
    script = Script(
        {"Shards": [listed(0), listed(1, ParentShardId="shardId-000000000000")], "NextToken": "T1"},
        {"Shards": [], "NextToken": "T2"},
        {"Shards": [listed(2, AdjacentParentShardId="shardId-000000000001")]},
    )
    found = await StreamCalls(script, ARN).list_shards()
    assert not isinstance(found, StreamFault)
    assert [each.shard_id[-1] for each in found] == ["0", "1", "2"]
    assert [each.parent_shard_id for each in found] == [None, "shardId-000000000000", None]
    assert found[0].hash_key_range.ending_hash_key == 2**128 - 1
    assert script.parameters == [BY_ARN, {"NextToken": "T1"}, {"NextToken": "T2"}]


async def test_a_listing_that_breaks_off_is_none() -> None:
    """Half of the shards would look as if the others were gone."""
    script = Script({"Shards": [listed(0)], "NextToken": "T1"}, fault("LimitExceededException"))
    found = await StreamCalls(script, "clicks").list_shards()
    assert isinstance(found, StreamFault)
    assert found.kind is FaultKind.THROTTLED


async def test_a_listing_that_never_ends_is_given_up() -> None:
    page = {"Shards": [], "NextToken": "T"}
    found = await StreamCalls(Script(*[page] * 2000), "clicks").list_shards()
    assert isinstance(found, StreamFault)
    assert found.code == "EndlessListing"


async def test_a_stream_is_told_from_another_of_its_name() -> None:
    summary = {
        "StreamName": "clicks",
        "StreamARN": ARN,
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "ON_DEMAND"},
        "RetentionPeriodHours": 168,
        "StreamCreationTimestamp": 1.5e9,
        "EnhancedMonitoring": [],
        "EncryptionType": "KMS",
        "KeyId": "alias/aws/kinesis",
        "OpenShardCount": 4,
    }
    script = Script({"StreamDescriptionSummary": summary})
    found = await StreamCalls(script, "clicks").describe()
    assert not isinstance(found, StreamFault)
    assert (found.stream_arn, found.stream_creation_timestamp, found.stream_status) == (ARN, 1.5e9, "ACTIVE")
    assert (found.encryption_type, found.key_id, found.open_shard_count) == ("KMS", "alias/aws/kinesis", 4)
    assert script.asked == [("Kinesis_20131202.DescribeStreamSummary", BY_NAME)]


async def test_records_are_put_in_base64() -> None:
    put = {"ShardId": "shardId-000000000000", "SequenceNumber": str(NUMBER)}
    failed = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "m"}
    script = Script(put, {"FailedRecordCount": 1, "Records": [put, failed]})
    calls = StreamCalls(script, "clicks")
    answer = await calls.put_record(b"\x00x", "k", explicit_hash_key="5")
    assert not isinstance(answer, StreamFault)
    assert answer.sequence_number == NUMBER
    answers = await calls.put_records([PutEntry(b"a", "k"), PutEntry(b"b", "l", "7")])
    assert not isinstance(answers, StreamFault)
    assert [each.error_code for each in answers.records] == [None, failed["ErrorCode"]]
    assert script.parameters == [
        {"Data": "AHg=", "PartitionKey": "k", "ExplicitHashKey": "5", **BY_NAME},
        {
            "Records": [
                {"Data": "YQ==", "PartitionKey": "k"},
                {"Data": "Yg==", "PartitionKey": "l", "ExplicitHashKey": "7"},
            ],
            **BY_NAME,
        },
    ]


@pytest.mark.parametrize("end_is_missing", [False, True])
async def test_what_was_put_is_read_to_the_shards_end(*, end_is_missing: bool) -> None:
    """Over HTTP, with signatures that are checked."""
    behaviour = Behaviour(read_limits=False, end_is_missing=end_is_missing)
    async with LocalKinesis(behaviour) as local, kinesis_at(local.url) as client:
        await client.call("Kinesis_20131202.CreateStream", b'{"StreamName":"clicks","ShardCount":1}')
        calls = StreamCalls(client.call, "clicks")
        put = [await calls.put_record(b"%d" % each, "key") for each in range(5)]
        assert not isinstance(put[2], StreamFault)
        shard = msgspec.structs.replace(SHARD, number=0)
        seen = []
        for start in (FromTrimHorizon(), AtSequence(put[2].sequence_number), FromLatest()):
            iterator = await calls.shard_iterator(shard, start)
            assert isinstance(iterator, str)
            answer = await calls.get_records(shard, iterator, 10)
            assert isinstance(answer, RecordsAnswer)
            seen.append([each.data for each in answer.records])
        assert seen == [[b"0", b"1", b"2", b"3", b"4"], [b"2", b"3", b"4"], []]
        split = {"StreamName": "clicks", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "5"}
        await client.call("Kinesis_20131202.SplitShard", msgspec.json.encode(split))
        iterator = await calls.shard_iterator(shard, AfterSequence(put[2].sequence_number))
        assert isinstance(iterator, str)
        answer = await calls.get_records(shard, iterator, 10)
        assert isinstance(answer, RecordsAnswer)
        assert [each.data for each in answer.records] == [b"3", b"4"]
        assert answer.next_iterator is None
        found = await calls.list_shards()
        assert not isinstance(found, StreamFault)
        assert len(found) == 3
        assert found[0].sequence_number_range.ending_sequence_number is not None


async def test_an_iterator_that_expired_is_told_as_that() -> None:
    async with LocalKinesis() as local, kinesis_at(local.url) as client:
        await client.call("Kinesis_20131202.CreateStream", b'{"StreamName":"clicks","ShardCount":1}')
        calls, shard = StreamCalls(client.call, "clicks"), msgspec.structs.replace(SHARD, number=0)
        iterator = await calls.shard_iterator(shard, FromTrimHorizon())
        assert isinstance(iterator, str)
        local.expire_iterators()
        answer = await calls.get_records(shard, iterator, 10)
        assert isinstance(answer, StreamFault)
        assert answer.kind is FaultKind.EXPIRED_ITERATOR
