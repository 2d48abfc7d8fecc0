"""An assignment that ends takes along all that was under it, whatever was on its way."""

# ruff: noqa: SLF001  schedules that the twins do not offer are made from what is inside them

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.builders import admission, in_flight, interaction
from tests.support.schedules import failing, refuse
from tests.support.stage import Stage, crash, running, settings
from tests.support.twins import TOPIC, MeterTwin, PutEventsTwin, TopicTwin, events
from tests.support.virtual_time import in_virtual_time
from worker.core.model.outcomes import Accepted, Refused, Requeued, Throttled, TransientFault
from worker.core.model.partition import Partition
from worker.core.model.records import Batch
from worker.pipeline.permits import Permits
from worker.pipeline.retry import RetryingSender
from worker.pipeline.wakeup import Wakeup

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer

P0 = Partition(TOPIC, 0)


def test_what_was_not_dead_lettered_for_its_assignment_ended_is_not_overtaken() -> None:
    """The assignment ends while a call is halved: the rest is the next owner's, or goes before its elders."""

    async def scenario() -> None:
        stage = Stage(topic=TopicTwin(2))
        stage.api.seconds = 1
        refusing = True

        def answer(batch: Batch) -> Answer:
            # The tracker is away until the first event was refused alone; meanwhile the assignment ends.
            nonlocal refusing
            if not refusing:
                return Accepted()
            if events(batch) == ["0", "1"]:
                stage.source.lose(0)
                stage.source.assign(0)
            refusing = events(batch) != ["0"]
            return Refused("InvalidInputException")

        stage.api.answer = answer
        stage.topic.produce(*(f"s/u/{n}" for n in range(4)))
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.settled()
        firsts = list(dict.fromkeys(stage.api.accepted["s"]))
        assert not stage.dead_letters.letters
        assert firsts == ["0", "1", "2", "3"]

    in_virtual_time(scenario())


def test_a_partition_assigned_twice_keeps_its_sessions_in_order() -> None:
    """What waits under the old assignment is dropped, or it goes before what the new one brings again."""

    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=0))
        stage.api.answer = lambda _: TransientFault("503")
        stage.topic.produce("s/u/0")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.api.calls)
            stage.topic.produce("s/u/1", "s/u/2")
            await stage.until(lambda: stage.worker.unsettled.memory.records == 3)
            stage.source.assign(0)
            await stage.until(lambda: stage.metrics.counts["assigned"] == 2)
            stage.api.answer = lambda _: Accepted()
            await stage.settled()
        assert list(dict.fromkeys(stage.api.accepted["s"])) == ["0", "1", "2"]

    in_virtual_time(scenario())


def test_a_batch_whose_assignment_has_ended_is_not_sent_again() -> None:
    """Half refused when the assignment ends: the other halves are the next owner's."""

    async def scenario() -> None:
        # The other partition stays, or there were no share of the quota to send by.
        stage = Stage(topic=TopicTwin(2))
        stage.api.seconds = 1
        stage.api.answer = lambda batch: (
            Refused("InvalidInputException") if "0" in events(batch) else Accepted()
        )
        stage.topic.produce(*(f"s/u/{n}" for n in range(8)))
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.limiter.in_flight)
            stage.source.lose(0)
            await stage.until(lambda: stage.metrics.counts["lost"])
            await asyncio.sleep(60)
            assert len(stage.api.calls) == 1

    in_virtual_time(scenario())


def test_partitions_lost_while_a_batch_waits_for_a_permit_free_its_memory() -> None:
    """Without partitions the gate never opens: who waits there for an ended assignment must not wait on."""

    async def scenario() -> None:
        stage = Stage(settings(requests_per_second=0.2))
        stage.api.answer = lambda batch: (
            Refused("InvalidInputException") if len(events(batch)) > 1 else Accepted()
        )
        stage.topic.produce(*(f"s/u/{n}" for n in range(8)))
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.api.calls)
            await asyncio.sleep(0.5)
            stage.source.lose(0)
            await stage.until(lambda: stage.worker.unsettled.memory.records == 0, seconds=600)
            assert stage.worker.unsettled.memory.bytes == 0

    in_virtual_time(scenario())


def test_a_partition_that_was_rewound_is_read_on() -> None:
    """An unclean election or a recreated topic makes librdkafka start again below: no reason to crash."""

    async def scenario() -> None:
        stage = Stage()
        stage.topic.produce("a/u/1", "a/u/2")
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
            stage.topic.logs[P0][:] = [(0, b"a/u/3")]
            stage.source._positions[P0] = 0
            await stage.until(lambda: "3" in stage.api.accepted["a"], seconds=60)

    in_virtual_time(scenario())


@pytest.mark.parametrize("answer", [Throttled("ThrottlingException"), TransientFault("503"), Accepted()])
@pytest.mark.parametrize("after_seconds", [0.0, 0.02, 0.3, 3.0])
def test_a_lost_partition_gives_all_memory_and_every_pass_back(answer: Answer, after_seconds: float) -> None:
    async def scenario() -> None:
        stage = Stage(settings(max_in_flight=2, linger_seconds=0), TopicTwin(2))
        stage.api.answer = lambda _: answer
        stage.topic.produce(*(f"s{n % 9}/u{n % 2}/{n}" for n in range(50)), "bad", "skip")
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.api.calls)
            await asyncio.sleep(after_seconds)
            stage.source.lose(0)
            await stage.until(lambda: stage.metrics.counts["lost"])
            stage.api.answer = lambda _: Accepted()
            await stage.until(lambda: stage.worker.unsettled.memory.records == 0, seconds=60)
            await stage.until(lambda: stage.limiter.in_flight == 0, seconds=60)
            assert stage.worker.unsettled.memory.bytes == 0

    in_virtual_time(scenario())


def test_one_session_in_two_partitions_keeps_what_is_still_ours_in_order() -> None:
    async def scenario() -> None:
        stage = Stage(topic=TopicTwin(2))
        stage.api.answer = lambda _: TransientFault("503")
        stage.topic.produce("s/u/0", "s/u/1", partition=0)
        stage.topic.produce("s/u/10", "s/u/11", partition=1)
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.api.calls)
            stage.source.lose(0)
            await stage.until(lambda: stage.metrics.counts["lost"])
            stage.api.answer = lambda _: Accepted()
            await stage.until(lambda: stage.topic.committed.get(Partition(TOPIC, 1)) == 2)
            # A call that was under way as the assignment ended may have taken the other partition's with it.
            assert [each for each in stage.api.accepted["s"] if each in {"10", "11"}] == ["10", "11"]
            assert stage.worker.unsettled.memory.records == 0
            assert stage.topic.committed.get(P0, 0) == 0

    in_virtual_time(scenario())


def test_a_crash_at_any_moment_loses_nothing() -> None:
    """Every fiftieth of a second, for as long as the first worker takes to deliver all of it."""

    async def scenario(crash_at: float) -> None:
        topic = TopicTwin()
        topic.produce("a/-/0", "a/u/1", "skip", "bad", "b/u/4", "a/u/5", "b/u/6", "skip", "b/u/8", "c/u/9")
        first, second = Stage(topic=topic), Stage(topic=topic)
        for stage in (first, second):
            stage.api.answer = refuse("1", "8")
            stage.source.assign(0)
        task = asyncio.create_task(first.worker.pipeline.run())
        await asyncio.sleep(crash_at)
        await crash(task)
        letters = {record.offset for record, _, _ in first.dead_letters.letters}
        behind = {int(each) for each in first.api.delivered()} | letters | {2, 7}
        assert set(range(topic.committed.get(P0, 0))) <= behind
        async with running(second):
            await second.settled()
        assert {*first.api.delivered(), *second.api.delivered()} == {"0", "4", "5", "6", "9"}
        both = first.dead_letters.letters + second.dead_letters.letters
        assert {record.offset for record, _, _ in both} == {1, 3, 8}

    for step in range(100):
        in_virtual_time(scenario(step * 0.02))


def test_a_batch_whose_assignment_ended_before_its_first_call_gives_its_pass_back() -> None:
    """Sealed, let through, and lost in the same turn of the loop."""

    async def scenario() -> None:
        clock = asyncio.get_running_loop().time
        permits, api = Permits(admission(1000, max_in_flight=1), clock), PutEventsTwin()
        sender = RetryingSender(
            api,
            permits,
            MeterTwin(),
            clock=clock,
            sleep_until=Wakeup().wait,
            first_wait_seconds=0.2,
            max_wait_seconds=20,
        )
        permits.set_share(1.0)
        permit = await permits.acquire()
        event = interaction()
        event.record.assignment.open = False
        assert await sender.send(in_flight(Batch("s", "u", (event,)), permit)) == (Requeued(), 0)
        assert permits.limiter.in_flight == 0
        assert not api.calls

    in_virtual_time(scenario())


def test_a_wait_for_the_next_try_ends_with_the_assignment() -> None:
    """The partition comes back to the same worker: its sessions do not wait for what is nobody's now."""

    async def scenario() -> None:
        stage = Stage(topic=TopicTwin(2))
        stage.api.answer = lambda _: TransientFault("503", retry_after_seconds=250)
        stage.topic.produce("s/u/1")
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.api.calls)
            await asyncio.sleep(1)
            assert len(stage.api.calls) == 1
            stage.api.answer = lambda _: Accepted()
            stage.source.lose(0)
            stage.source.assign(0)
            await stage.until(stage.topic.at_end, seconds=5)

    in_virtual_time(scenario())


def test_a_revoke_that_could_not_deliver_all_leaves_nothing_behind() -> None:
    """Neither memory nor a share of the quota, and an answer that comes later changes nothing."""

    async def scenario() -> None:
        stage = Stage(settings(revoke_seconds=5), TopicTwin(2))
        stage.api.answer = failing("bad")
        stage.topic.produce("bad/u/1", "bad/u/2", "a/u/3")
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.api.calls)
            stage.source.revoke(0)
            await stage.until(lambda: stage.metrics.counts["revoked"])
            await stage.until(lambda: stage.limiter.in_flight == 0)
            await asyncio.sleep(1)
            assert (stage.worker.unsettled.memory.records, stage.worker.unsettled.memory.bytes) == (0, 0)
            assert [assignment.partition.number for assignment in stage.worker.unsettled.tracker] == [1]
            assert stage.limiter.share == 0.5
            assert stage.topic.committed.get(P0, 0) == 0

    in_virtual_time(scenario())


def test_what_the_source_says_is_committed_would_not_be_repeated_by_a_crash() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.topic.produce("a/u/0", "b/u/1")
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
            assert [each.uncommitted() for each in stage.worker.unsettled.tracker] == [0]
            assert stage.metrics.counts["commits"] > 0

    in_virtual_time(scenario())
