"""A log loses its end, or is another, while records of it are received and not yet done with."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.stage import Stage, crash, running, settings
from tests.support.twins import TOPIC, TopicTwin
from tests.support.virtual_time import in_virtual_time
from worker.core.model.outcomes import Accepted, TransientFault
from worker.core.model.partition import Partition

P0 = Partition(TOPIC, 0)
HELD, CUT, MORE = 100, 60, 20
BELOW = {str(offset) for offset in range(CUT)}
ABOVE = {str(offset) for offset in range(CUT, HELD)}
NEW = {f"new-{number}" for number in range(MORE)}


def held(topic: TopicTwin | None = None) -> Stage:
    """A worker that is to receive all of the log while the API is away."""
    stage = Stage(settings(linger_seconds=0), topic)
    stage.api.answer = lambda _: TransientFault("503")
    stage.topic.produce(*(f"s{n % 7}/u/{n}" for n in range(HELD)))
    stage.source.assign(0)
    return stage


async def cut(stage: Stage, goes_on_at: int = CUT) -> None:
    """Wait until all is received; then lose what is above the cut, and have other records in its place."""
    await stage.until(lambda: stage.worker.unsettled.memory.records == HELD)
    stage.topic.cut(CUT)
    stage.topic.produce(*(f"s{n % 7}/u/new-{n}" for n in range(MORE)))
    stage.source.goes_on_at(goes_on_at)
    await stage.until(lambda: stage.metrics.counts["received"] == HELD + CUT - goes_on_at + MORE)


@pytest.mark.parametrize("goes_on_at", [CUT, 0], ids=["at the cut", "at the earliest"])
def test_all_that_was_held_or_stands_is_delivered(goes_on_at: int) -> None:
    """librdkafka goes back to the cut, or to the earliest record where it can't tell where the cut was."""

    async def scenario() -> None:
        stage = held()
        async with running(stage):
            await cut(stage, goes_on_at)
            assert stage.topic.committed.get(P0, 0) == 0
            stage.api.answer = lambda _: Accepted()
            await stage.settled()
        assert set(stage.api.delivered()) == BELOW | ABOVE | NEW
        assert stage.topic.committed == {P0: CUT + MORE}
        assert (stage.worker.unsettled.memory.records, stage.worker.unsettled.memory.bytes) == (0, 0)

    in_virtual_time(scenario())


def test_a_session_stays_in_order_over_a_cut() -> None:
    async def scenario() -> None:
        stage = held()
        async with running(stage):
            await cut(stage)
            stage.api.answer = lambda _: Accepted()
            await stage.settled()
        for number in range(7):
            old = [str(each) for each in range(HELD) if each % 7 == number]
            new = [f"new-{each}" for each in range(MORE) if each % 7 == number]
            assert stage.api.accepted[f"s{number}"] == old + new

    in_virtual_time(scenario())


def test_a_log_that_is_shorter_than_what_was_committed_takes_the_offset_back() -> None:
    async def scenario() -> None:
        stage = held()
        stage.api.answer = lambda _: Accepted()
        async with running(stage):
            await stage.settled()
            stage.topic.cut(CUT)
            stage.api.answer = lambda _: TransientFault("503")
            stage.topic.produce("s/u/new")
            stage.source.goes_on_at(CUT)
            await stage.until(lambda: stage.topic.committed == {P0: CUT})

    in_virtual_time(scenario())


def test_a_revoke_after_a_cut_leaves_what_stands_to_the_next_owner() -> None:
    async def scenario() -> None:
        stage = held(TopicTwin(2))
        async with running(stage):
            await cut(stage)
            stage.source.revoke(0)
            await stage.until(lambda: stage.metrics.counts["revoked"])
        assert stage.topic.committed.get(P0, 0) == 0
        assert stage.worker.unsettled.memory.records == 0

    in_virtual_time(scenario())


def test_a_drain_after_a_cut_delivers_what_was_held() -> None:
    async def scenario() -> None:
        stage = held()
        async with running(stage):
            await cut(stage)
            stage.api.answer = lambda _: Accepted()
        assert set(stage.api.delivered()) == BELOW | ABOVE | NEW
        assert stage.topic.committed == {P0: CUT + MORE}

    in_virtual_time(scenario())


def test_a_crash_at_any_moment_after_a_cut_loses_nothing_that_stands() -> None:
    async def scenario(crash_after: float) -> None:
        topic = TopicTwin()
        first, second = held(topic), Stage(topic=topic)
        task = asyncio.create_task(first.worker.pipeline.run())
        await cut(first)
        first.api.answer = lambda _: Accepted()
        await asyncio.sleep(crash_after)
        await crash(task)
        standing = [*map(str, range(CUT)), *(f"new-{number}" for number in range(MORE))]
        assert set(standing[: topic.committed.get(P0, 0)]) <= set(first.api.delivered())
        second.source.assign(0)
        async with running(second):
            await second.settled()
        assert {*first.api.delivered(), *second.api.delivered()} >= BELOW | NEW

    for step in range(50):
        in_virtual_time(scenario(step * 0.05))
