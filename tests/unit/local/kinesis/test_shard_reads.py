"""Reading in a time that the test sets: limits, ages, ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.local.kinesis.asking import SHARD, STREAM, Asked, encoded, with_stream
from worker.local.kinesis.behaviour import Behaviour

FREELY = Behaviour(read_limits=False)
THROTTLED = "ProvisionedThroughputExceededException"


def put(asked: Asked, *data: bytes) -> None:
    for each in data:
        asked.local.streams[STREAM].put("k", each)


def test_an_iterator_lives_for_five_minutes() -> None:
    asked = with_stream()
    iterator = asked.iterator()
    asked.clock.now += 300
    asked("GetRecords", ShardIterator=iterator)
    asked.clock.now += 0.1
    assert asked.code("GetRecords", ShardIterator=iterator) == "ExpiredIteratorException"


def test_iterators_expire_on_demand_and_new_ones_do_not() -> None:
    asked = with_stream()
    old = asked.iterator()
    asked.local.expire_iterators()
    assert asked.code("GetRecords", ShardIterator=old) == "ExpiredIteratorException"
    asked("GetRecords", ShardIterator=asked.iterator())


def test_a_read_gives_ten_mebibytes_at_most_and_is_dear() -> None:
    asked = with_stream()
    put(asked, *[b"x" * (1 << 20)] * 12)
    answer = asked("GetRecords", ShardIterator=asked.iterator())
    assert len(answer["Records"]) == 9  # the keys count, too
    asked.clock.now += 4
    assert asked.code("GetRecords", ShardIterator=answer["NextShardIterator"]) == THROTTLED
    asked.clock.now += 1
    assert len(asked("GetRecords", ShardIterator=answer["NextShardIterator"])["Records"]) == 3


def test_a_stream_may_be_made_for_larger_records() -> None:
    asked = with_stream(behaviour=Behaviour(max_record_bytes=10 << 20))
    put(asked, b"x" * (10 << 20), b"y")
    summary = asked("DescribeStreamSummary", StreamName=STREAM)["StreamDescriptionSummary"]
    assert summary["MaxRecordSizeInKiB"] == 10 * 1024
    answer = asked("GetRecords", ShardIterator=asked.iterator())
    assert [len(each["Data"]) for each in answer["Records"]] == [len(encoded(b"x" * (10 << 20)))]


def test_readers_of_a_shard_share_its_reads_and_those_of_another_do_not() -> None:
    asked = with_stream(2)
    one, other = asked.iterator(), asked.iterator(shard="shardId-000000000001")
    codes = [asked.code("GetRecords", f"w{number % 2}", ShardIterator=one) for number in range(7)]
    assert codes == [""] * 5 + [THROTTLED] * 2
    assert asked.code("GetRecords", ShardIterator=other) == ""


def test_the_first_record_left_tells_how_far_behind() -> None:
    asked = with_stream(behaviour=FREELY)
    put(asked, b"a")
    asked.clock.now += 10
    put(asked, b"b")
    asked.clock.now += 5
    answer = asked("GetRecords", ShardIterator=asked.iterator(), Limit=1)
    assert answer["MillisBehindLatest"] == 5000
    assert asked("GetRecords", ShardIterator=answer["NextShardIterator"])["MillisBehindLatest"] == 0


def closed(**behaviour: Any) -> tuple[Asked, dict[str, Any]]:
    """A shard with a record that was split, and the first read of it."""
    asked = with_stream(behaviour=Behaviour(read_limits=False, **behaviour))
    put(asked, b"a")
    asked.local.streams[STREAM].split(SHARD)
    return asked, asked("GetRecords", ShardIterator=asked.iterator())


def test_a_shard_ends_with_its_last_records() -> None:
    _, answer = closed()
    assert answer["NextShardIterator"] is None
    assert [each["ShardId"] for each in answer["ChildShards"]] == [
        "shardId-000000000001",
        "shardId-000000000002",
    ]


def test_a_shard_ends_in_an_answer_of_its_own() -> None:
    asked, answer = closed(end_apart=True)
    assert "ChildShards" not in answer
    answer = asked("GetRecords", ShardIterator=answer["NextShardIterator"])
    assert (answer["Records"], answer["NextShardIterator"]) == ([], None)


def test_the_end_may_say_nothing_at_all() -> None:
    _, answer = closed(end_is_missing=True, tells_children=False)
    assert set(answer) == {"Records", "MillisBehindLatest"}


@pytest.mark.parametrize("kind", ["TRIM_HORIZON", "AT_SEQUENCE_NUMBER"])
def test_what_was_trimmed_is_passed_over(kind: str) -> None:
    asked = with_stream(behaviour=FREELY)
    stream = asked.local.streams[STREAM]
    numbers = [stream.put("k", data)[1] for data in (b"a", b"b")]
    stream.trim(SHARD, numbers[1])
    where = {"StartingSequenceNumber": str(numbers[0])} if kind == "AT_SEQUENCE_NUMBER" else {}
    answer = asked("GetRecords", ShardIterator=asked.iterator(kind, **where))
    assert [each["SequenceNumber"] for each in answer["Records"]] == [str(numbers[1])]


def test_a_number_of_a_stream_of_the_same_name_is_refused() -> None:
    asked = with_stream(behaviour=FREELY)
    put(asked, b"a")
    number = str(asked.local.streams[STREAM].shards[SHARD].first_sequence)
    iterator = asked.iterator()
    asked.local.streams.delete(STREAM)
    asked.clock.now += 5
    asked.local.streams.create(STREAM)
    members = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": number}
    code = asked.code("GetShardIterator", StreamName=STREAM, ShardId=SHARD, **members)
    assert code == "InvalidArgumentException"
    assert asked.code("GetRecords", ShardIterator=iterator) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "members",
    [
        {"ShardIteratorType": "AT_SEQUENCE_NUMBER"},
        {"ShardIteratorType": "LATEST", "StartingSequenceNumber": "1"},
        {"ShardIteratorType": "AT_TIMESTAMP"},
    ],
)
def test_a_position_is_named_as_its_kind_wants_it(members: dict[str, str]) -> None:
    code = with_stream().code("GetShardIterator", StreamName=STREAM, ShardId=SHARD, **members)
    assert code == "InvalidArgumentException"
