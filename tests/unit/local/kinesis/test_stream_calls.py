"""Lists in pages, filters, and what of many records fails."""

from __future__ import annotations

import pytest

from tests.unit.local.kinesis.asking import SHARD, STREAM, Asked, encoded, with_stream
from worker.local.kinesis.behaviour import Behaviour
from worker.local.kinesis.faults import Faults, Rule


def names(asked: Asked, **wanted: object) -> list[str]:
    listed = asked("ListShards", StreamName=STREAM, ShardFilter=wanted)["Shards"]
    return [str(int(each["ShardId"].removeprefix("shardId-"))) for each in listed]


def test_a_page_s_token_is_good_for_five_minutes_and_alone() -> None:
    asked = with_stream(3)
    token = asked("ListShards", StreamName=STREAM, MaxResults=2)["NextToken"]
    assert len(asked("ListShards", NextToken=token)["Shards"]) == 1
    assert asked.code("ListShards", NextToken=token, StreamName=STREAM) == "InvalidArgumentException"
    assert asked.code("ListShards", NextToken="x") == "InvalidArgumentException"
    assert asked.code("ListShards", NextToken=asked.iterator()) == "InvalidArgumentException"
    asked.clock.now += 301
    assert asked.code("ListShards", NextToken=token) == "ExpiredNextTokenException"


def test_pages_may_be_smaller_than_asked_for() -> None:
    asked = with_stream(5, behaviour=Behaviour(shards_in_page=2))
    answer = asked("ListShards", StreamName=STREAM, MaxResults=1000)
    sizes = [len(answer["Shards"])]
    while "NextToken" in answer:
        answer = asked("ListShards", NextToken=answer["NextToken"])
        sizes.append(len(answer["Shards"]))
    assert sizes == [2, 2, 1]


def test_each_filter_lets_through_what_it_says() -> None:
    asked = with_stream(2)
    start = asked.clock.now
    asked.clock.now += 100
    asked.local.streams[STREAM].split(SHARD)
    asked.clock.now += 100
    assert names(asked, Type="AT_LATEST") == ["1", "2", "3"]
    assert names(asked, Type="FROM_TRIM_HORIZON") == ["0", "1", "2", "3"]
    assert names(asked, Type="AT_TRIM_HORIZON") == ["0", "1"]
    assert names(asked, Type="AFTER_SHARD_ID", ShardId="shardId-000000000001") == ["2", "3"]
    assert names(asked, Type="AT_TIMESTAMP", Timestamp=start + 50) == ["0", "1"]
    assert names(asked, Type="AT_TIMESTAMP", Timestamp=start + 150) == ["1", "2", "3"]
    assert names(asked, Type="FROM_TIMESTAMP", Timestamp=start + 50) == ["0", "1", "2", "3"]
    assert names(asked, Type="FROM_TIMESTAMP", Timestamp=start + 150) == ["1", "2", "3"]


@pytest.mark.parametrize("kind", ["AFTER_SHARD_ID", "AT_TIMESTAMP", "FROM_TIMESTAMP"])
def test_a_filter_without_what_it_needs_is_refused(kind: str) -> None:
    asked = with_stream()
    assert (
        asked.code("ListShards", StreamName=STREAM, ShardFilter={"Type": kind}) == "InvalidArgumentException"
    )


def test_a_stream_is_named_by_its_arn_too() -> None:
    asked = with_stream()
    arn = asked("DescribeStreamSummary", StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
    assert len(asked("ListShards", StreamARN=arn)["Shards"]) == 1
    assert asked.code("ListShards") == "InvalidArgumentException"


def test_of_many_records_some_may_fail_and_the_others_are_there() -> None:
    rule = Rule(does="partial", calls=("PutRecords",), times=1)
    asked = with_stream(faults=Faults(rules=(rule,)))
    entries = [{"Data": encoded(b"%d" % number), "PartitionKey": "k"} for number in range(5)]
    answer = asked("PutRecords", StreamName=STREAM, Records=entries)
    assert answer["FailedRecordCount"] == 2
    assert ["ErrorCode" in each for each in answer["Records"]] == [False, True, False, True, False]
    assert len(asked.local.streams[STREAM].shards[SHARD]) == 3
    assert asked("PutRecords", StreamName=STREAM, Records=entries)["FailedRecordCount"] == 0


def test_a_described_stream_says_whether_there_are_more_shards() -> None:
    asked = with_stream(3)
    told = asked("DescribeStream", StreamName=STREAM, Limit=2)["StreamDescription"]
    assert (len(told["Shards"]), told["HasMoreShards"]) == (2, True)
    last = told["Shards"][-1]["ShardId"]
    told = asked("DescribeStream", StreamName=STREAM, ExclusiveStartShardId=last)["StreamDescription"]
    assert (len(told["Shards"]), told["HasMoreShards"]) == (1, False)
