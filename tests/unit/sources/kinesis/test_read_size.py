"""What a read reserves: little while nothing comes, so that hundreds of idle shards are read in time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.support.virtual_time import in_virtual_time
from tests.unit.sources.kinesis.reading import Reading
from worker.core.leases.lease import Sentinel
from worker.sources.kinesis.read_size import ReadSize

if TYPE_CHECKING:
    from worker.aws.json_client import Answered, AwsFault

SHARDS = 300
ANSWER_SECONDS = 0.1
KIB = 1024


def test_three_hundred_idle_shards_are_each_read_about_once_a_second() -> None:
    """With a mebibyte reserved each, 16 at a time were under way: a read every two seconds."""

    async def scenario() -> None:
        reading = Reading()
        count = 0

        async def call(target: str, body: bytes) -> Answered | AwsFault:
            nonlocal count
            count += target.endswith("GetRecords")
            await asyncio.sleep(ANSWER_SECONDS)
            return await reading.cloud.call(target, body)

        readers = []
        for number in range(SHARDS):
            name = f"idle-{number}"
            reading.cloud.streams.create(name)
            reader = reading.reader(Sentinel.TRIM_HORIZON, stream=name, call=call)
            readers.append(asyncio.create_task(reader.run()))
        await asyncio.sleep(10)
        before, began = count, reading.now()
        await asyncio.sleep(20)
        reads_a_second = (count - before) / (reading.now() - began) / SHARDS
        assert reads_a_second > 0.85
        for each in readers:
            each.cancel()

    in_virtual_time(scenario())


def test_it_is_small_while_nothing_comes_and_grows_at_once_with_what_comes() -> None:
    size = ReadSize()
    assert size.reserved == 1024 * KIB
    size.brought(0, 0, is_behind=False)
    assert (size.limit, size.reserved) == (1, 64 * KIB)
    size.brought(1, 1000, is_behind=False)
    assert size.reserved <= 256 * KIB
    for _ in range(12):
        size.brought(100, 100_000, is_behind=True)
    assert (size.limit, size.reserved) == (1048, 1_048_000)
    size.brought(0, 0, is_behind=False)
    assert (size.limit, size.reserved) == (65, 65_000)


def test_of_an_idle_shard_with_large_records_one_is_reserved_as_large_as_they_were() -> None:
    size = ReadSize()
    size.brought(1, 900 * KIB, is_behind=False)
    size.brought(0, 0, is_behind=False)
    assert (size.limit, size.reserved) == (1, 900 * KIB)


def test_an_empty_answer_behind_the_tip_is_not_idle() -> None:
    size = ReadSize()
    size.brought(0, 0, is_behind=True)
    assert size.reserved == 1024 * KIB
