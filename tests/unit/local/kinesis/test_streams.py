"""What may be done to a stream when, and what becomes of it in time."""

from __future__ import annotations

import pytest

from tests.unit.local.kinesis.asking import Clock
from worker.local.kinesis.behaviour import Behaviour
from worker.local.kinesis.failures import AwsError
from worker.local.kinesis.streams import Stream, Streams

FIRST, SECOND, THIRD = (f"shardId-{number:012d}" for number in range(3))
DAY = 24 * 3600


def made(clock: Clock, shards: int = 1, **behaviour: float) -> Stream:
    return Streams(clock, Behaviour(**behaviour)).create("clicks", shards)  # type: ignore[arg-type]  # keywords of a call


def test_a_stream_is_made_changed_and_deleted_in_its_own_time() -> None:
    clock = Clock()
    streams = Streams(clock, Behaviour(create_seconds=10, update_seconds=5, delete_seconds=3))
    stream = streams.create("clicks")
    assert stream.status == "CREATING"
    with pytest.raises(AwsError, match="ResourceNotFound"):
        stream.put("k", b"")
    clock.now += 10
    assert stream.status == "ACTIVE"
    stream.split(FIRST)
    assert stream.status == "UPDATING"
    assert list(stream.shards) == [FIRST]
    clock.now += 5
    assert (stream.status, list(stream.shards)) == ("ACTIVE", [FIRST, SECOND, THIRD])
    streams.delete("clicks")
    assert stream.status == "DELETING"
    assert streams.names() == ["clicks"]
    clock.now += 3
    assert streams.names() == []


def test_records_are_put_to_the_parent_until_the_children_are_there() -> None:
    clock = Clock()
    stream = made(clock, update_seconds=5)
    stream.split(FIRST)
    assert stream.put("k", b"")[0].id == FIRST
    clock.now += 5
    assert stream.put("k", b"")[0].id != FIRST


def test_what_is_too_old_is_gone() -> None:
    clock = Clock()
    stream = made(clock)
    stream.put("k", b"old")
    clock.now += DAY / 2
    stream.put("k", b"new")
    clock.now += DAY / 2 + 1
    assert [each.data for each in stream.shards[FIRST].read(0, 10, 1000)] == [b"new"]


def test_a_closed_shard_is_kept_as_long_as_its_records_might_be() -> None:
    clock = Clock()
    stream = made(clock)
    clock.now += 5
    stream.split(FIRST)
    clock.now += DAY - 1
    assert FIRST in stream.shards
    clock.now += 2
    assert list(stream.shards) == [SECOND, THIRD]
    assert stream.shards[SECOND].parents == (FIRST,)


def test_records_are_trimmed_on_demand() -> None:
    stream = made(Clock())
    numbers = [stream.put("k", data)[1] for data in (b"a", b"b", b"c")]
    stream.trim(FIRST, numbers[2])
    assert [each.data for each in stream.shards[FIRST].read(numbers[0], 10, 1000)] == [b"c"]


@pytest.mark.parametrize("at", [0, 1, 2**128 - 1, 2**128])
def test_a_split_needs_two_halves(at: int) -> None:
    with pytest.raises(AwsError, match="InvalidArgument"):
        made(Clock()).split(FIRST, at)


def test_only_neighbours_merge_and_only_once() -> None:
    stream = made(Clock(), 3)
    for adjacent in (THIRD, FIRST):
        with pytest.raises(AwsError, match="InvalidArgument"):
            stream.merge(FIRST, adjacent)
    stream.merge(SECOND, FIRST)
    with pytest.raises(AwsError, match="InvalidArgument"):
        stream.split(FIRST)
    assert stream.open_shards[0].parents == (SECOND, FIRST)


@pytest.mark.parametrize("count", [1, 9])
def test_a_stream_is_scaled_to_half_or_double_at_most(count: int) -> None:
    with pytest.raises(AwsError, match="LimitExceeded"):
        made(Clock(), 4).update_shard_count(count)


def test_scaling_to_a_number_that_does_not_divide_takes_generations() -> None:
    stream = made(Clock(), 3)
    stream.update_shard_count(5)
    assert len(stream.open_shards) == 5
    grandchildren = [each for each in stream.shards.values() if each.parents and each.is_closed]
    assert grandchildren
