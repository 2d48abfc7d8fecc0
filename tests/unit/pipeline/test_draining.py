"""The drain ends in time, commits what it may, and leaves the rest, whatever comes together."""

# ruff: noqa: SLF001  schedules that the twins do not offer are made from what is inside them

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.schedules import failing
from tests.support.stage import Stage, running, settings
from tests.support.twins import TOPIC, TopicTwin
from tests.support.virtual_time import in_virtual_time
from worker.core.model.outcomes import Accepted, TransientFault
from worker.core.model.partition import Partition
from worker.sources.kafka.offsets import offset_of
from worker.sources.kafka.source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.core.model.boundary import Boundary


P0 = Partition(TOPIC, 0)


def leaving_as_kafka_does(stage: Stage) -> None:
    """Have ``close`` revoke what is still assigned, as a consumer's ``close`` does."""
    twin, own_close = stage.source, stage.source.close

    async def close() -> None:
        if held := list(twin._assignments):
            await twin._do_revoke(held)
        await own_close()

    twin.close = close


def test_leaving_after_a_drain_flushes_nothing_a_second_time() -> None:
    """Closing revokes what is left; that must not wait another revoke's deadline, nor miss to leave."""

    async def scenario() -> None:
        stage = Stage(settings(drain_seconds=20, revoke_seconds=60))
        leaving_as_kafka_does(stage)
        stage.api.answer = failing("bad")
        stage.topic.produce("bad/u/1")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.api.calls)
            stopped_at = stage.loop.time()
        assert stage.source.closed
        assert stage.loop.time() - stopped_at < 22

    in_virtual_time(scenario())


def test_a_revoke_during_a_drain_ends_with_the_drain() -> None:
    async def scenario() -> None:
        stage = Stage(settings(drain_seconds=20, revoke_seconds=60), TopicTwin(2))
        stage.api.answer = failing("bad")
        stage.topic.produce("bad/u/1", partition=0)
        stage.topic.produce("bad2/u/1", partition=1)
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: len(stage.api.calls) > 1)
            stopped_at = stage.loop.time()
            stage.worker.pipeline.stop()
            await stage.until(lambda: stage.worker.pipeline.draining)
            stage.source.revoke(0)
        assert stage.loop.time() - stopped_at < 26

    in_virtual_time(scenario())


def test_sigterm_during_a_revoke_drains_within_the_drain_deadline() -> None:
    async def scenario() -> None:
        stage = Stage(settings(drain_seconds=20, revoke_seconds=60), TopicTwin(2))
        stage.api.answer = failing("bad")
        stage.topic.produce("bad/u/1", partition=0)
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.api.calls)
            stage.source.revoke(0)
            await asyncio.sleep(1)
            stopped_at = stage.loop.time()
        assert stage.loop.time() - stopped_at < 26

    in_virtual_time(scenario())


def test_dead_letters_that_fail_while_draining_end_the_drain_in_time() -> None:
    async def scenario() -> None:
        stage = Stage(settings(drain_seconds=20))
        stage.dead_letters.broken = "no such topic"
        stage.topic.produce("a/u/1", "bad", "b/u/2")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.worker.unsettled.memory.records)
            stopped_at = stage.loop.time()
        assert stage.loop.time() - stopped_at < 26
        assert stage.topic.committed.get(P0, 0) <= 1
        assert stage.source.closed

    in_virtual_time(scenario())


def test_sigterm_while_paused_drains_and_leaves() -> None:
    async def scenario() -> None:
        stage = Stage(settings(max_unsettled_records=500, drain_seconds=20))
        stage.api.answer = lambda _: TransientFault("503")
        stage.topic.produce(*(f"s{n}/u/{n}" for n in range(900)))
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.worker.pipeline.paused)
            stage.api.answer = lambda _: Accepted()
            stopped_at = stage.loop.time()
        assert stage.loop.time() - stopped_at < 26
        assert stage.topic.committed[P0] == len(stage.api.delivered())
        assert stage.source.is_paused

    in_virtual_time(scenario())


def test_a_drain_does_not_wait_for_metadata() -> None:
    """The brokers are slow or away, and the share of the quota is not known: the drain ends in time."""

    async def scenario() -> None:
        stage = Stage(settings(drain_seconds=20))
        known = True

        async def partitions_total() -> int | None:
            if known:
                return 1
            await asyncio.sleep(5)
            return None

        stage.source.partitions_total = partitions_total
        stage.api.answer = failing("bad")
        stage.topic.produce("bad/u/1")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.api.calls)
            known = False
            stage.worker.pipeline._rebalance.have_changed = True
            stopped_at = stage.loop.time()
        assert stage.loop.time() - stopped_at < 22

    in_virtual_time(scenario())


def test_what_comes_in_while_draining_is_left_to_the_next_owner() -> None:
    """The flow is stopped; a record that was on its way all the same is neither sent nor committed."""

    async def scenario() -> None:
        stage = Stage(settings(drain_seconds=20), TopicTwin(2))
        stage.api.seconds = 3
        stage.topic.produce("a/u/0")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.limiter.in_flight)
            stage.worker.pipeline.stop()
            await stage.until(lambda: stage.worker.pipeline.draining)
            assert stage.source.is_paused
            stage.source.is_paused = False
            stage.topic.produce("a/u/1", "b/u/2", "skip", "bad")
        assert stage.api.delivered() == ["0"]
        assert not stage.dead_letters.letters
        assert stage.topic.committed[P0] == 1
        assert stage.loop.time() < 10

    in_virtual_time(scenario())


def test_a_broker_that_hangs_while_leaving_is_given_up() -> None:
    async def scenario() -> None:
        stage = Stage(settings(drain_seconds=20))

        async def close() -> None:
            await asyncio.sleep(10_000)

        stage.source.close = close
        stage.source.assign(0)
        async with running(stage):
            await asyncio.sleep(1)
            stopped_at = stage.loop.time()
        assert stage.loop.time() - stopped_at < 26

    in_virtual_time(scenario())


def test_a_drain_commits_what_it_stored() -> None:
    """Storing alone commits nothing: that happens every few seconds, and once at the end."""

    async def scenario() -> None:
        stage = Stage()

        async def store(boundaries: Mapping[Partition, Boundary]) -> None:
            stage.source._stored |= {key: offset_of(each) for key, each in boundaries.items()}

        stage.source.store = store
        stage.topic.produce("a/u/0", "b/u/1")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: len(stage.api.delivered()) == 2)
        assert stage.topic.at_end()

    in_virtual_time(scenario())


async def test_closing_the_source_can_be_given_up() -> None:
    """librdkafka may hang on a broker that is away: the deadline for leaving must hold all the same."""
    source = KafkaSource(
        {"bootstrap.servers": "127.0.0.1:1", "group.id": "g"},
        ["interactions"],
        commit_seconds=5,
        clock=asyncio.get_running_loop().time,
    )
    await source.open(None)  # type: ignore[arg-type]  # nothing is assigned
    real, hanging = source._consumer._consumer, threading.Event()

    class Hanging:
        def close(self) -> None:
            hanging.wait(5)

    source._consumer._consumer = Hanging()
    began = time.monotonic()
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await source.close()
        took = time.monotonic() - began
    finally:
        hanging.set()
        await asyncio.to_thread(real.close)
    assert took < 2
