"""Where a reader goes on: after a pause, a seek; and what its position says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException

from tests.contract.consumer.of_groups import all_read_by_one, shared
from tests.contract.consumer.statements import some, statement

if TYPE_CHECKING:
    from tests.contract.consumer.stand import Stand


@statement()
async def a_pause_throws_away_what_was_fetched_and_a_resume_brings_it_once(stand: Stand) -> None:
    await stand.write(0, *some("r", 20))
    reader = await stand.reader()
    await stand.take(reader, 5)
    await reader.pause(0)
    await stand.quietly()
    assert reader.names() == some("r", 5)
    await reader.resume(0)
    await stand.until(lambda: len(reader.got) >= 20)
    await stand.quietly()
    assert reader.names() == some("r", 20)


@statement()
async def a_position_is_that_of_the_last_record_handed_over_since_it_was_set(stand: Stand) -> None:
    await stand.write(0, *some("r", 5))
    await stand.commit_from_outside(0, 0)
    reader = await stand.reader()
    await stand.take(reader, 2)
    assert await reader.position() == 2
    await reader.pause(0)
    assert await reader.position() == 2
    await reader.seek(0, 4)
    assert await reader.position() == OFFSET_INVALID


@statement()
async def a_seek_goes_back(stand: Stand) -> None:
    await stand.write(0, *some("r", 5))
    reader = await stand.reader()
    await stand.until(lambda: len(reader.got) >= 5)
    await reader.seek(0, 2)
    await stand.until(lambda: len(reader.got) >= 8)
    assert reader.offsets()[5:] == [2, 3, 4]


@statement()
async def a_seek_during_a_pause_is_where_a_resume_goes_on(stand: Stand) -> None:
    await stand.write(0, *some("r", 5))
    reader = await stand.reader()
    await stand.until(lambda: len(reader.got) >= 5)
    await reader.pause(0)
    await reader.seek(0, 3)
    await stand.quietly()
    assert len(reader.got) == 5
    await reader.resume(0)
    await stand.until(lambda: len(reader.got) >= 7)
    assert reader.offsets()[5:] == [3, 4]


@statement(partitions=2)
async def a_seek_of_what_is_anothers_is_refused(stand: Stand) -> None:
    reader = await all_read_by_one(stand)
    _, moved = await shared(stand, reader)
    with pytest.raises(KafkaException) as raised:
        await reader.seek(moved, 0)
    assert raised.value.args[0].code() == KafkaError._STATE  # noqa: SLF001  librdkafka's own code


@statement()
async def a_seek_beyond_the_end_begins_at_the_earliest(stand: Stand) -> None:
    await stand.write(0, *some("r", 3))
    reader = await stand.reader()
    await stand.until(lambda: len(reader.got) >= 3)
    await reader.seek(0, 50)
    await stand.until(lambda: len(reader.got) >= 6)
    assert reader.offsets()[3:] == [0, 1, 2]
