"""A record may hold several events: each comes to its end, and only then the record is committed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.support.elements import good, mapping_of_elements, skipped, unmappable, value_of
from tests.support.stage import EPOCH_SECONDS, Stage, crash, running, settings
from tests.support.twins import TopicTwin
from tests.support.virtual_time import in_virtual_time
from worker.core.model.outcomes import Accepted, Refused, TransientFault
from worker.core.model.partition import Partition
from worker.core.model.records import Element

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch
    from worker.settings import Settings

PARTITION = Partition("interactions", 0)
NOW_MS = int(EPOCH_SECONDS * 1000)


def stage_of(*values: str, conf: Settings | None = None, timestamp_ms: int | None = NOW_MS) -> Stage:
    stage = Stage(conf, map_record=mapping_of_elements())
    stage.topic.produce(*map(record_of, values), timestamp_ms=timestamp_ms)
    stage.source.assign(0)
    return stage


def record_of(short: str) -> str:
    """The value of a record whose events are ``session/user/id``, ``skip`` or a bad one."""
    return value_of(map(_event_of, short.split("+")))


def _event_of(short: str) -> str:
    if short == "skip":
        return skipped()
    return good(*short.split("/")) if "/" in short else unmappable(short)


def ids(batch: Batch) -> list[str]:
    return [json.loads(each.event)["eventId"] for each in batch.interactions]


def accepted(stage: Stage) -> dict[str, list[str]]:
    """The ids of the events that the API has, by session."""
    has: dict[str, list[str]] = {}
    for _, batch, answer in stage.api.calls:
        if isinstance(answer, Accepted):
            has.setdefault(batch.session_id, []).extend(ids(batch))
    return has


def delivered(stage: Stage) -> list[str]:
    return [name for of_session in accepted(stage).values() for name in of_session]


def refuse(is_bad: Callable[[str], bool]) -> Callable[[Batch], Answer]:
    """An API that refuses each call with such an id in it."""
    return lambda batch: Refused("InvalidInputException") if any(map(is_bad, ids(batch))) else Accepted()


def letters_of(stage: Stage) -> list[tuple[int, int, str]]:
    """Offset, element (-1: the whole record) and kind of each dead letter."""
    return sorted(
        (record.offset, record.index if isinstance(record, Element) else -1, reason.kind)
        for record, reason, _ in stage.dead_letters.letters
    )


def test_each_element_is_delivered_in_order_within_its_session() -> None:
    async def scenario() -> None:
        stage = stage_of("a/u/1+b/u/2+a/u/3", "b/u/4", "a/u/5+skip+b/u/6")
        async with running(stage):
            await stage.settled()
        assert accepted(stage) == {"a": ["1", "3", "5"], "b": ["2", "4", "6"]}
        counts = stage.metrics.counts
        assert (counts["received"], counts["fanned_out"], counts["elements"]) == (3, 2, 6)
        assert counts["accepted"] + counts["skipped"] == 7
        assert (stage.worker.unsettled.memory.records, stage.worker.unsettled.memory.bytes) == (0, 0)

    in_virtual_time(scenario())


def test_no_offset_passes_a_record_of_which_one_element_is_not_settled() -> None:
    async def scenario() -> None:
        stage = stage_of("a/u/1+b/u/2+c/u/3", "c/u/4")
        stage.api.answer = lambda batch: TransientFault("500") if batch.session_id == "b" else Accepted()
        async with running(stage):
            await stage.until(lambda: len(delivered(stage)) == 3)
            await asyncio.sleep(30)
            assert stage.topic.committed.get(PARTITION, 0) == 0
            assert stage.worker.unsettled.memory.records == 1
            assert stage.worker.unsettled.memory.elements == 1
            stage.api.answer = lambda _: Accepted()
            await stage.settled()

    in_virtual_time(scenario())


def test_a_bad_element_is_one_dead_letter_and_its_siblings_are_delivered() -> None:
    async def scenario() -> None:
        stage = stage_of("a/u/1+bad+a/u/3+worse")
        async with running(stage):
            await stage.settled()
        assert delivered(stage) == ["1", "3"]
        assert letters_of(stage) == [(0, 1, "missing"), (0, 3, "missing")]
        assert all(
            record.value == record_of("a/u/1+bad+a/u/3+worse").encode()
            for record, _, _ in stage.dead_letters.letters
        )

    in_virtual_time(scenario())


@pytest.mark.parametrize("position", range(4))
def test_an_element_that_is_refused_alone_costs_itself_only(position: int) -> None:
    async def scenario() -> None:
        names = [f"a/u/{'poison' if place == position else place}" for place in range(4)]
        stage = stage_of("+".join(names))
        stage.api.answer = refuse(lambda name: name == "poison")
        async with running(stage):
            await stage.settled()
        assert accepted(stage)["a"] == [str(place) for place in range(4) if place != position]
        assert letters_of(stage) == [(0, position, "refused")]

    in_virtual_time(scenario())


def test_a_crash_repeats_all_elements_of_a_record_that_was_not_committed() -> None:
    async def scenario() -> None:
        topic = TopicTwin()
        topic.produce(record_of("a/u/1+b/u/2+bad"), timestamp_ms=NOW_MS)
        first = Stage(topic=topic, map_record=mapping_of_elements())
        first.source.assign(0)
        first.api.answer = lambda batch: TransientFault("500") if batch.session_id == "b" else Accepted()
        task = asyncio.create_task(first.worker.pipeline.run())
        await first.until(lambda: delivered(first) == ["1"] and first.dead_letters.letters)
        await crash(task)
        assert topic.committed.get(PARTITION, 0) == 0
        second = Stage(topic=topic, map_record=mapping_of_elements())
        second.source.assign(0)
        async with running(second):
            await second.settled()
        assert sorted(delivered(second)) == ["1", "2"]
        assert letters_of(second) == letters_of(first) == [(0, 2, "missing")]

    in_virtual_time(scenario())


def test_a_streak_of_what_cannot_be_mapped_counts_records() -> None:
    """Any number of bad elements hold nothing while their records' others can be mapped."""

    async def scenario() -> None:
        stage = stage_of(
            *("a/u/1" + "+bad" * 20 for _ in range(10)), "worst", conf=settings(hold_after_unmappable=2)
        )
        async with running(stage):
            await stage.settled()
        assert len(delivered(stage)) == 10
        assert len(stage.dead_letters.letters) == 201
        whole = [record.value for record, _, _ in stage.dead_letters.letters if type(record) is not Element]
        assert whole == [record_of("worst").encode()]

    in_virtual_time(scenario())


def test_records_of_which_no_element_can_be_mapped_are_kept_as_records_are() -> None:
    async def scenario() -> None:
        conf = settings(hold_after_unmappable=2)
        stage = Stage(conf, map_record=mapping_of_elements())
        for number in range(5):
            stage.topic.produce(record_of("bad+bad+skip"), key=str(number), timestamp_ms=NOW_MS)
        stage.source.assign(0)
        async with running(stage):
            await stage.until(stage.worker.quarantine.holds)
            await asyncio.sleep(5)
            assert len(stage.dead_letters.letters) == 2
            stage.topic.produce(record_of("bad+a/u/1"), timestamp_ms=NOW_MS)
            await stage.settled()
        assert len(stage.dead_letters.letters) == 6

    in_virtual_time(scenario())


def test_each_element_that_is_too_old_is_put_aside() -> None:
    async def scenario() -> None:
        conf = settings(max_age_seconds=60, linger_seconds=0)
        stage = stage_of("a/u/0", conf=conf, timestamp_ms=NOW_MS)
        async with running(stage):
            await stage.settled()
            old_ms = int((EPOCH_SECONDS - 3600) * 1000)
            stage.topic.produce(record_of("a/u/1+b/u/2"), timestamp_ms=old_ms)
            await stage.settled()
        assert delivered(stage) == ["0"]
        assert letters_of(stage) == [(1, 0, "too_old"), (1, 1, "too_old")]

    in_virtual_time(scenario())


def test_letters_of_one_record_that_fail_at_once_are_each_written() -> None:
    async def scenario() -> None:
        stage = stage_of("a/u/poison1+b/u/poison2+c/u/3")
        stage.api.answer = refuse(lambda name: "poison" in name)
        stage.dead_letters.broken = "no such topic"
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            await asyncio.sleep(20)
            assert stage.topic.committed.get(PARTITION, 0) == 0
            stage.dead_letters.broken = None
            await stage.settled()
        assert letters_of(stage) == [(0, 0, "refused"), (0, 1, "refused")]
        assert not stage.worker.dead_letter_queue.has(stage.dead_letters.letters[0][0].assignment, 0)

    in_virtual_time(scenario())


def test_a_lost_partition_frees_the_memory_of_all_elements() -> None:
    async def scenario() -> None:
        stage = stage_of("+".join(f"s{number % 7}/u/{number}" for number in range(100)))
        stage.api.seconds = 5.0
        async with running(stage):
            await stage.until(stage.worker.pipeline.in_flight)
            stage.source.lose(0)
            await stage.until(lambda: not stage.worker.unsettled.memory.records)
            assert stage.worker.unsettled.memory.bytes == 0
            assert len(stage.worker.unsettled.tracker.elements) == 0
            assert stage.topic.committed.get(PARTITION, 0) == 0

    in_virtual_time(scenario())


# What a record holds, in bytes of memory, is a multiple of what it was received as.
MANY = "+".join(f"s{number % 10}/u/{number}" for number in range(1000))


def small_memory(max_bytes: int = 1_000_000) -> Settings:
    conf = settings(linger_seconds=0)
    return replace(conf, limits=replace(conf.limits, max_unsettled_bytes=max_bytes))


def test_records_that_hold_many_events_go_over_the_bound_by_one_record_at_most() -> None:
    async def scenario() -> None:
        stage = stage_of(*[MANY] * 50, conf=small_memory())
        stage.api.answer = lambda _: TransientFault("500")
        memory = stage.worker.unsettled.memory
        async with running(stage):
            await stage.until(lambda: stage.worker.pipeline.paused)
            waiting, elements = stage.worker.intake.waiting, memory.elements
            assert waiting + elements // 1000 == 50
            assert memory.records == 50
            of_one = 1000 * 230 + 20_000
            assert memory.bytes < 1_000_000 + of_one + waiting * (len(record_of(MANY)) + 500)
            stage.api.answer = lambda _: Accepted()
            await stage.settled()
        assert len(delivered(stage)) == 50_000
        for place in range(10):
            assert accepted(stage)[f"s{place}"] == [str(each) for each in range(place, 1000, 10)] * 50

    in_virtual_time(scenario())


def test_a_record_that_is_larger_than_the_bound_is_taken_in_all_the_same() -> None:
    async def scenario() -> None:
        stage = stage_of(*[MANY] * 3, "a/u/last", conf=small_memory(8_000))
        async with running(stage):
            await stage.settled()
        assert len(delivered(stage)) == 3001

    in_virtual_time(scenario())


def test_what_waits_for_memory_is_left_to_the_next_owner_at_once() -> None:
    async def scenario() -> None:
        stage = stage_of(*[MANY] * 20, conf=small_memory())
        stage.api.seconds = 0.1
        async with running(stage):
            await stage.until(lambda: stage.worker.intake.waiting)
            stage.source.revoke(0)
            await stage.until(lambda: not len(stage.worker.unsettled.tracker))
            assert stage.worker.intake.waiting == 0
            assert (stage.worker.unsettled.memory.records, stage.worker.unsettled.memory.bytes) == (0, 0)
            count = len(delivered(stage))
            assert stage.topic.committed.get(PARTITION, 0) == count // 1000
            stage.source.assign(0)
            await stage.settled()
        assert len(delivered(stage)) >= 20_000

    in_virtual_time(scenario())


def test_a_drain_does_not_wait_for_what_is_not_mapped() -> None:
    async def scenario() -> None:
        stage = stage_of(*[MANY] * 20, conf=small_memory())
        stage.api.seconds = 0.1
        async with running(stage):
            await stage.until(lambda: stage.worker.intake.waiting)
            stopped_at = stage.loop.time()
        # The deadline is 20 s; what is mapped takes a moment.
        assert stage.loop.time() - stopped_at < 10
        assert stage.topic.committed[PARTITION] == len(delivered(stage)) // 1000 < 20

    in_virtual_time(scenario())
