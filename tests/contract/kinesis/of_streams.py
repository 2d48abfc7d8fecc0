"""What is relied on in a stream."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from hashlib import md5
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.contract.kinesis.stand import until
from tests.contract.kinesis.statements import Statements
from tests.contract.kinesis.stream import FIRST, SECOND, THIRD, THROTTLED
from worker.local.kinesis.behaviour import Behaviour

if TYPE_CHECKING:
    from tests.contract.kinesis.stream import StreamStand

STATEMENTS = Statements()
SLOWLY = Behaviour(update_seconds=0.4)
ANY_BYTES = bytes(range(256))
GONE = "ResourceNotFoundException"
INVALID = "InvalidArgumentException"


def number(record: dict[str, str]) -> int:
    return int(record["SequenceNumber"])


@STATEMENTS.says()
async def records_come_back_as_they_were_put(stand: StreamStand) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    await stand.put("k", ANY_BYTES, b"\xff" * 7, b"{}")
    records = (await stand.read(await stand.iterator()))["Records"]
    assert [each["Data"] for each in records] == [ANY_BYTES, b"\xff" * 7, b"{}"]
    assert {each["PartitionKey"] for each in records} == {"k"}
    assert all(each["ApproximateArrivalTimestamp"] > before for each in records)


@STATEMENTS.says()
async def sequence_numbers_have_56_digits_and_grow(stand: StreamStand) -> None:
    told = await stand.put("k", b"a", b"b", b"c")
    numbers = [each["SequenceNumber"] for each in told]
    records = (await stand.read(await stand.iterator()))["Records"]
    assert [each["SequenceNumber"] for each in records] == numbers
    assert {len(each) for each in numbers} == {56}
    assert all(one < other for one, other in pairwise(map(int, numbers)))


@STATEMENTS.says()
async def shards_are_named_by_number(stand: StreamStand) -> None:
    await stand.split()
    assert list(await stand.shards()) == [FIRST, SECOND, THIRD]


@STATEMENTS.says()
async def at_a_sequence_number_gives_the_record_itself(stand: StreamStand) -> None:
    _, second, _ = await stand.put("k", b"a", b"b", b"c")
    where = {"StartingSequenceNumber": second["SequenceNumber"]}
    assert await stand.data_from("AT_SEQUENCE_NUMBER", **where) == [b"b", b"c"]


@STATEMENTS.says()
async def after_a_sequence_number_gives_the_next_record(stand: StreamStand) -> None:
    first, _, third = await stand.put("k", b"a", b"b", b"c")
    after = {"StartingSequenceNumber": first["SequenceNumber"]}
    assert await stand.data_from("AFTER_SEQUENCE_NUMBER", **after) == [b"b", b"c"]
    last = {"StartingSequenceNumber": third["SequenceNumber"]}
    assert await stand.data_from("AFTER_SEQUENCE_NUMBER", **last) == []


@STATEMENTS.says()
async def latest_begins_with_what_comes_from_then_on(stand: StreamStand) -> None:
    await stand.put("k", b"before")
    iterator = await stand.iterator("LATEST")
    await stand.put("k", b"after")
    assert [each["Data"] for each in (await stand.read(iterator))["Records"]] == [b"after"]


@STATEMENTS.says()
async def at_a_timestamp_gives_what_came_then_or_later(stand: StreamStand) -> None:
    await stand.put("k", b"a")
    await asyncio.sleep(0.05)
    between = datetime.now(UTC)
    await asyncio.sleep(0.05)
    await stand.put("k", b"b")
    assert await stand.data_from("AT_TIMESTAMP", Timestamp=between) == [b"b"]
    long_ago = between - timedelta(minutes=1)
    assert await stand.data_from("AT_TIMESTAMP", Timestamp=long_ago) == [b"a", b"b"]


@STATEMENTS.says(kinesis_local="it takes it")
async def a_time_to_come_is_refused(stand: StreamStand) -> None:
    code = await stand.code(
        "get_shard_iterator",
        StreamName=stand.name,
        ShardId=FIRST,
        ShardIteratorType="AT_TIMESTAMP",
        Timestamp=datetime.now(UTC) + timedelta(minutes=5),
    )
    assert code == INVALID


@STATEMENTS.says(kinesis_local="it says that there is no such resource")
async def a_number_of_another_shard_is_refused(stand: StreamStand) -> None:
    await stand.split()
    told = (await stand.put("k", b"a"))[0]
    other = ({SECOND, THIRD} - {told["ShardId"]}).pop()
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        code = await stand.code(
            "get_shard_iterator",
            StreamName=stand.name,
            ShardId=other,
            ShardIteratorType=kind,
            StartingSequenceNumber=told["SequenceNumber"],
        )
        assert code == INVALID


@STATEMENTS.says(kinesis_local="it says that there is no such resource")
async def a_number_that_was_never_given_out_is_refused(stand: StreamStand) -> None:
    code = await stand.code(
        "get_shard_iterator",
        StreamName=stand.name,
        ShardId=FIRST,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber="9" * 56,
    )
    assert code == INVALID


@STATEMENTS.says()
async def an_iterator_is_expired_after_five_minutes(stand: StreamStand) -> None:
    iterator = stand.expired(await stand.iterator())
    assert await stand.code("get_records", ShardIterator=iterator) == "ExpiredIteratorException"
    assert "Records" in await stand.read(await stand.iterator())


@STATEMENTS.says(kinesis_local="it answers with a 500, without a code")
async def a_text_that_is_no_iterator_is_refused(stand: StreamStand) -> None:
    for text in ("no", "A" * 180):
        assert await stand.code("get_records", ShardIterator=text) == INVALID


@STATEMENTS.says()
async def a_limit_is_kept_and_reading_goes_on_behind_it(stand: StreamStand) -> None:
    await stand.put("k", b"a", b"b", b"c")
    answer = await stand.read(await stand.iterator(), Limit=2)
    assert [each["Data"] for each in answer["Records"]] == [b"a", b"b"]
    answer = await stand.read(answer["NextShardIterator"], Limit=2)
    assert [each["Data"] for each in answer["Records"]] == [b"c"]


@STATEMENTS.says(kinesalite="it says 0 always")
async def whoever_is_behind_is_told_so(stand: StreamStand) -> None:
    await stand.put("k", b"a", b"b")
    await asyncio.sleep(0.05)
    answer = await stand.read(await stand.iterator(), Limit=1)
    assert answer["MillisBehindLatest"] > 0
    assert (await stand.read(answer["NextShardIterator"]))["MillisBehindLatest"] == 0


@STATEMENTS.says()
async def an_open_shard_has_no_end(stand: StreamStand) -> None:
    iterator = await stand.iterator()
    for _ in range(3):
        answer = await stand.read(iterator)
        assert answer["Records"] == []
        assert answer["MillisBehindLatest"] == 0
        iterator = answer["NextShardIterator"]
    await stand.put("k", b"a")
    assert [each["Data"] for each in (await stand.read(iterator))["Records"]] == [b"a"]


@STATEMENTS.says()
async def a_closed_shard_is_read_to_its_last_record_and_ends(stand: StreamStand) -> None:
    await stand.put("k", b"a", b"b")
    await stand.split()
    records, _ = await stand.to_the_end()
    assert [each["Data"] for each in records] == [b"a", b"b"]


@STATEMENTS.says()
async def a_closed_shard_that_is_read_in_pieces_ends_behind_the_last_one(stand: StreamStand) -> None:
    await stand.put("k", b"a", b"b", b"c")
    await stand.split()
    records, _ = await stand.to_the_end(Limit=1)
    assert [each["Data"] for each in records] == [b"a", b"b", b"c"]


@STATEMENTS.says(Behaviour(end_apart=True), kinesis_local="it ends with the last records")
async def a_shard_may_end_in_an_answer_of_its_own(stand: StreamStand) -> None:
    await stand.put("k", b"a")
    await stand.split()
    _, last = await stand.to_the_end()
    assert last["Records"] == []


@STATEMENTS.says(kinesalite="it ends in an answer of its own")
async def a_shard_may_end_with_its_last_records(stand: StreamStand) -> None:
    await stand.put("k", b"a")
    await stand.split()
    _, last = await stand.to_the_end()
    assert [each["Data"] for each in last["Records"]] == [b"a"]


@STATEMENTS.says()
async def a_closed_shard_without_records_ends(stand: StreamStand) -> None:
    await stand.split()
    records, _ = await stand.to_the_end()
    assert records == []


@STATEMENTS.says(kinesalite="it never names them")
async def the_end_names_the_children(stand: StreamStand) -> None:
    await stand.put("k", b"a")
    await stand.split()
    _, last = await stand.to_the_end()
    children = {each["ShardId"]: each["ParentShards"] for each in last["ChildShards"]}
    assert children == {SECOND: [FIRST], THIRD: [FIRST]}


@STATEMENTS.says()
async def a_closed_shard_may_be_read_on_behind_its_last_record(stand: StreamStand) -> None:
    told = await stand.put("k", b"a", b"b")
    await stand.split()
    where = {"StartingSequenceNumber": told[-1]["SequenceNumber"]}
    assert await stand.data_from("AT_SEQUENCE_NUMBER", **where) == [b"b"]
    assert await stand.data_from("AFTER_SEQUENCE_NUMBER", **where) == []


@STATEMENTS.says()
async def numbers_of_a_child_are_above_all_of_its_parent(stand: StreamStand) -> None:
    before = await stand.put("k", b"a", b"b")
    await stand.split()
    after = (await stand.put("k", b"c"))[0]
    child = (await stand.shards())[after["ShardId"]]["SequenceNumberRange"]
    assert max(map(number, before)) < int(child["StartingSequenceNumber"]) <= number(after)


@STATEMENTS.says(kinesis_local="it ends at 2^63 - 1, which is no sequence number")
async def a_closed_shard_ends_behind_its_last_record_and_before_its_children(stand: StreamStand) -> None:
    before = await stand.put("k", b"a", b"b")
    await stand.split()
    shards = await stand.shards()
    end = int(shards[FIRST]["SequenceNumberRange"]["EndingSequenceNumber"])
    start = int(shards[SECOND]["SequenceNumberRange"]["StartingSequenceNumber"])
    assert max(map(number, before)) <= end < start


@STATEMENTS.says()
async def records_of_one_key_keep_their_order_over_a_split_and_a_merge(stand: StreamStand) -> None:
    wanted, shards = [], []
    for generation in range(3):
        data = [f"{generation}.{place}".encode() for place in range(3)]
        told = await stand.put("one key", *data)
        wanted += data
        shards.append(told[0]["ShardId"])
        assert {each["ShardId"] for each in told} == {shards[-1]}
        await (stand.merge(SECOND, THIRD) if generation == 1 else stand.split(shards[-1]))
    got = [each["Data"] for shard in shards for each in (await stand.to_the_end(shard))[0]]
    assert got == wanted
    parents = (await stand.shards())[shards[2]]
    assert {parents["ParentShardId"], parents["AdjacentParentShardId"]} == {SECOND, THIRD}


@STATEMENTS.says()
async def a_split_divides_the_hash_keys_and_a_merge_joins_them(stand: StreamStand) -> None:
    await stand.split()
    shards = await stand.shards()
    ranges = [shards[each]["HashKeyRange"] for each in (SECOND, THIRD)]
    assert ranges[0]["StartingHashKey"] == "0"
    assert int(ranges[0]["EndingHashKey"]) + 1 == int(ranges[1]["StartingHashKey"])
    assert int(ranges[1]["EndingHashKey"]) == 2**128 - 1
    assert shards[SECOND]["ParentShardId"] == shards[THIRD]["ParentShardId"] == FIRST
    assert "EndingSequenceNumber" in shards[FIRST]["SequenceNumberRange"]
    assert "EndingSequenceNumber" not in shards[SECOND]["SequenceNumberRange"]


@STATEMENTS.says()
async def a_record_goes_to_the_shard_of_its_key_s_hash(stand: StreamStand) -> None:
    await stand.split()
    for key in ("a", "b", "ä", "a long one"):
        is_upper = int.from_bytes(md5(key.encode(), usedforsecurity=False).digest()) >= 2**127
        assert (await stand.put(key, b"."))[0]["ShardId"] == (THIRD if is_upper else SECOND)
    told = await stand.call(
        "put_record", StreamName=stand.name, PartitionKey="a", Data=b".", ExplicitHashKey=str(2**128 - 1)
    )
    assert told["ShardId"] == THIRD


@STATEMENTS.says(SLOWLY, kinesis_local="they go to the children")
async def records_go_to_the_parent_while_the_stream_is_updating(stand: StreamStand) -> None:
    await stand.begin_split()
    told = (await stand.put("k", b"a"))[0]
    assert (await stand.summary())["StreamStatus"] == "UPDATING"
    assert told["ShardId"] == FIRST
    await stand.active()
    assert (await stand.put("k", b"b"))[0]["ShardId"] != FIRST
    records, _ = await stand.to_the_end()
    assert [each["Data"] for each in records] == [b"a"]


@STATEMENTS.says(SLOWLY)
async def a_stream_that_is_updating_is_not_changed_again(stand: StreamStand) -> None:
    await stand.begin_split()
    code = await stand.code(
        "split_shard", StreamName=stand.name, ShardToSplit=FIRST, NewStartingHashKey=str(2**126)
    )
    assert code == "ResourceInUseException"
    await stand.active()


@STATEMENTS.says(kinesalite="it gives all at once")
async def shards_are_listed_in_pages(stand: StreamStand) -> None:
    await stand.split()
    listed, page = [], {"StreamName": stand.name}
    while True:
        answer = await stand.call("list_shards", MaxResults=2, **page)
        assert len(answer["Shards"]) <= 2
        listed += [each["ShardId"] for each in answer["Shards"]]
        if "NextToken" not in answer:
            break
        page = {"NextToken": answer["NextToken"]}
    assert listed == [FIRST, SECOND, THIRD]


@STATEMENTS.says(kinesalite="it knows no filter")
async def open_shards_may_be_listed_alone(stand: StreamStand) -> None:
    await stand.split()
    listed = await stand.call("list_shards", StreamName=stand.name, ShardFilter={"Type": "AT_LATEST"})
    assert [each["ShardId"] for each in listed["Shards"]] == [SECOND, THIRD]
    listed = await stand.call("list_shards", StreamName=stand.name, ShardFilter={"Type": "FROM_TRIM_HORIZON"})
    assert [each["ShardId"] for each in listed["Shards"]] == [FIRST, SECOND, THIRD]


@STATEMENTS.says(kinesalite="it does not know the call")
async def a_stream_is_scaled_as_a_whole(stand: StreamStand) -> None:
    await stand.call(
        "update_shard_count", StreamName=stand.name, TargetShardCount=2, ScalingType="UNIFORM_SCALING"
    )
    await stand.active()
    shards = await stand.shards()
    ranges = sorted(
        (int(each["HashKeyRange"]["StartingHashKey"]), int(each["HashKeyRange"]["EndingHashKey"]))
        for each in shards.values()
        if "EndingSequenceNumber" not in each["SequenceNumberRange"]
    )
    (start, middle), (following, end) = ranges
    assert (start, middle + 1, end) == (0, following, 2**128 - 1)
    assert (await stand.summary())["OpenShardCount"] == 2


@STATEMENTS.says()
async def what_is_not_there_is_said_to_be_not_there(stand: StreamStand) -> None:
    of_none = {"StreamName": "none-of-that-name"}
    of_none_too = {"StreamName": stand.name, "ShardId": THIRD}
    at = {"ShardIteratorType": "LATEST"}
    assert await stand.code("list_shards", **of_none) == GONE
    assert await stand.code("describe_stream_summary", **of_none) == GONE
    assert await stand.code("put_record", **of_none, PartitionKey="k", Data=b".") == GONE
    assert await stand.code("get_shard_iterator", **of_none, ShardId=FIRST, **at) == GONE
    assert await stand.code("get_shard_iterator", **of_none_too, **at) == GONE


@STATEMENTS.says()
async def a_stream_that_is_made_anew_was_made_later(stand: StreamStand) -> None:
    made = (await stand.summary())["StreamCreationTimestamp"]
    iterator = await stand.iterator()
    await stand.call("delete_stream", StreamName=stand.name)
    await stand.gone()
    assert await stand.code("get_records", ShardIterator=iterator) == GONE
    # The time is told in whole seconds, and kinesalite's is two seconds back.
    later = datetime.now(UTC) + timedelta(seconds=1)
    await until(lambda: is_past(later), "another second")
    await stand.open()
    assert (await stand.summary())["StreamCreationTimestamp"] > made


async def is_past(time: datetime) -> bool:
    return datetime.now(UTC) >= time


@STATEMENTS.says()
async def a_record_may_be_a_mebibyte_and_no_more(stand: StreamStand) -> None:
    await stand.put("k", b"x" * 2**20)
    assert len((await stand.data_from("TRIM_HORIZON"))[0]) == 2**20
    code = await stand.code("put_record", StreamName=stand.name, PartitionKey="k", Data=b"x" * (2**20 + 1))
    assert code in {INVALID, "ValidationException"}


@STATEMENTS.says()
async def a_limit_has_limits(stand: StreamStand) -> None:
    iterator = await stand.iterator()
    for limit in (0, 10_001):
        code = await stand.code("get_records", ShardIterator=iterator, Limit=limit)
        assert code in {INVALID, "ValidationException"}


@STATEMENTS.says(kinesis_local="it never throttles", kinesalite="it never throttles")
async def a_shard_is_read_five_times_a_second(stand: StreamStand) -> None:
    iterator = await stand.iterator()
    reads = (stand.outcome("get_records", ShardIterator=iterator) for _ in range(16))
    assert set(await asyncio.gather(*reads)) == {THROTTLED, ""}


@STATEMENTS.says()
async def many_records_are_put_at_once_in_order(stand: StreamStand) -> None:
    entries = [{"PartitionKey": "k", "Data": str(place).encode()} for place in range(300)]
    answer = await stand.call("put_records", StreamName=stand.name, Records=entries)
    assert answer["FailedRecordCount"] == 0
    numbers = [number(each) for each in answer["Records"]]
    assert numbers == sorted(numbers)
    assert await stand.data_from("TRIM_HORIZON") == [each["Data"] for each in entries]
