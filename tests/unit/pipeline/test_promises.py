"""The seven promises, each on a worker of twins in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.schedules import refuse
from tests.support.stage import Stage, crash, running, settings
from tests.support.twins import TopicTwin, events
from tests.support.virtual_time import in_virtual_time
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Throttled, TransientFault
from worker.core.model.partition import Partition

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch


def test_everything_is_delivered_and_then_committed() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.topic.produce(*(f"s{n % 7}/u/{n}" for n in range(100)))
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert sorted(stage.api.delivered(), key=int) == [str(n) for n in range(100)]
        assert stage.source.closed

    in_virtual_time(scenario())


def test_an_offset_is_committed_only_after_its_event_was_accepted() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.api.seconds = 5.0
        stage.topic.produce("a/u/1", "b/u/2")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.loop.time() > 5.5)
            assert stage.topic.committed.get(Partition("interactions", 0), 0) == 0
            await stage.settled()
        assert stage.loop.time() >= 6.0

    in_virtual_time(scenario())


def test_an_offset_is_committed_only_after_its_dead_letter_was_acknowledged() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.dead_letters.broken = "no such topic"
        stage.topic.produce("bad")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            await asyncio.sleep(100)
            assert stage.topic.committed.get(Partition("interactions", 0), 0) == 0
            assert [hold.kind for hold in stage.breaker.holds] == ["dead_letters"]
            stage.dead_letters.broken = None
            await stage.settled()
            assert not stage.breaker.holds
        assert len(stage.dead_letters.letters) == 1

    in_virtual_time(scenario())


def test_a_crash_repeats_what_was_not_committed_and_loses_nothing() -> None:
    async def scenario() -> None:
        topic = TopicTwin()
        topic.produce(*(f"s{n % 3}/u/{n}" for n in range(50)))
        first = Stage(topic=topic)
        first.source.assign(0)
        task = asyncio.create_task(first.worker.pipeline.run())
        await first.until(lambda: first.api.accepted)
        await crash(task)
        second = Stage(topic=topic)
        second.source.assign(0)
        async with running(second):
            await second.settled()
        assert {*first.api.delivered(), *second.api.delivered()} == {str(n) for n in range(50)}

    in_virtual_time(scenario())


def test_throttling_and_faults_lose_nothing_and_keep_the_order() -> None:
    async def scenario() -> None:
        stage = Stage()
        answers = iter(range(10**6))

        def answer(_: Batch) -> Answer:
            return {0: Throttled("ThrottlingException"), 1: TransientFault("500")}.get(
                next(answers) % 5, Accepted()
            )

        stage.api.answer = answer
        stage.topic.produce(*(f"s{n % 5}/u/{n}" for n in range(200)))
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        for accepted in stage.api.accepted.values():
            assert accepted == sorted(accepted, key=int)
        assert sum(map(len, stage.api.accepted.values())) == 200
        assert stage.api.overlaps == 0

    in_virtual_time(scenario())


def test_a_login_splits_the_session_and_the_anonymous_events_go_first() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.topic.produce("s/-/1", "s/-/2", "s/u/3", "s/u/4")
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert [(batch.user_id, events(batch)) for _, batch, _ in stage.api.calls] == [
            (None, ["1", "2"]),
            ("u", ["3", "4"]),
        ]

    in_virtual_time(scenario())


def test_sessions_do_not_wait_for_one_another() -> None:
    """However many sessions fail for good: the others are delivered."""

    async def scenario() -> None:
        stage = Stage(settings(max_in_flight=4))
        stage.api.answer = lambda batch: (
            TransientFault("500") if batch.session_id.startswith("bad") else Accepted()
        )
        stage.topic.produce(*(f"bad{n}/u/{n}" for n in range(20)), *(f"good{n}/u/{n}" for n in range(20)))
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: len(stage.api.accepted) == 20, seconds=5)

    in_virtual_time(scenario())


@pytest.mark.parametrize("position", range(10))
def test_one_bad_record_costs_one_record(position: int) -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.api.answer = refuse(str(position))
        stage.topic.produce(*(f"s/u/{n}" for n in range(10)))
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert stage.api.accepted["s"] == [str(n) for n in range(10) if n != position]
        assert [record.offset for record, _, _ in stage.dead_letters.letters] == [position]

    in_virtual_time(scenario())


def test_wrong_credentials_hold_and_cost_nothing() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.api.answer = lambda _: Misconfigured("AccessDeniedException")
        stage.topic.produce(*(f"s{n}/u/{n}" for n in range(500)))
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            await asyncio.sleep(3600)
            assert not stage.dead_letters.letters
            assert not stage.topic.committed.get(Partition("interactions", 0), 0)
            calls = len(stage.api.calls)
            assert calls < 64 + 3600 / 30 + 10  # a probe every half minute
            stage.api.answer = lambda _: Accepted()
            await stage.settled()
        assert len(stage.api.accepted) == 500

    in_virtual_time(scenario())


def test_a_deleted_tracker_holds_after_twenty_dead_letters() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.api.answer = lambda _: Refused("InvalidInputException")
        stage.topic.produce(*(f"s{n % 90}/u/{n}" for n in range(900)))
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            await asyncio.sleep(3600)
            assert len(stage.dead_letters.letters) <= 20
            stage.api.answer = lambda _: Accepted()
            await stage.settled()
        delivered = sum(map(len, stage.api.accepted.values()))
        assert delivered + len(stage.dead_letters.letters) == 900
        for accepted in stage.api.accepted.values():
            assert accepted == sorted(accepted, key=int)

    in_virtual_time(scenario())


def test_a_poison_session_cannot_keep_a_hold_up() -> None:
    """The probe goes round: sessions that are fine end the hold."""

    async def scenario() -> None:
        stage = Stage(settings(hold_after_refusals=3))
        bad = {str(n) for n in range(40)}
        stage.api.answer = refuse(*bad)
        stage.topic.produce(*(f"s{n}/u/{n}" for n in range(40)), "good/u/99")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.api.accepted["good"] == ["99"])

    in_virtual_time(scenario())


def test_less_quota_makes_fuller_calls() -> None:
    async def scenario() -> float:
        stage = Stage(settings(requests_per_second=10))
        stage.source.assign(0)
        async with running(stage):
            for n in range(3000):
                stage.topic.produce(f"s{n % 100}/u/{n}")
                if n % 10 == 9:
                    await asyncio.sleep(0.1)
            calls = [batch for at, batch, _ in stage.api.calls if at > 15]
            assert len(calls) >= 0.95 * 10 * (stage.loop.time() - 15)
        return sum(len(each.interactions) for each in calls) / len(calls)

    assert in_virtual_time(scenario()) > 9.5


def test_a_revoke_flushes_commits_and_leaves_the_rest() -> None:
    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=60), TopicTwin(2))
        stage.topic.produce("a/u/1", "a/u/2", partition=0)
        stage.topic.produce("b/u/1", partition=1)
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.worker.unsettled.memory.records == 3)
            stage.source.revoke(0)
            await stage.until(
                lambda: stage.topic.committed.get(Partition("interactions", 0)) == 2, seconds=10
            )
            assert not stage.api.accepted["b"]
            assert stage.worker.unsettled.memory.records == 1

    in_virtual_time(scenario())


def test_an_answer_after_the_assignment_ended_commits_nothing() -> None:
    async def scenario() -> None:
        stage = Stage(settings(revoke_seconds=1))
        stage.api.seconds = 30
        stage.topic.produce("a/u/1")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.limiter.in_flight)
            stage.source.revoke(0)
            await stage.until(lambda: stage.metrics.counts["revoked"])
            stage.source.assign(0)
            await stage.until(lambda: stage.api.calls)
            await asyncio.sleep(1)
            assert stage.topic.committed.get(Partition("interactions", 0), 0) == 0
            await stage.settled()
        assert stage.api.accepted["a"] == ["1", "1"]
        assert stage.api.overlaps == 0
        assert stage.worker.unsettled.memory.records == 0

    in_virtual_time(scenario())


def test_a_lost_partition_commits_nothing_and_frees_its_memory() -> None:
    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=60))
        stage.topic.produce("a/u/1", "b/u/2")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.worker.unsettled.memory.records == 2)
            stage.source.lose(0)
            await stage.until(lambda: stage.metrics.counts["lost"])
            assert stage.worker.unsettled.memory.records == 0
            assert stage.worker.unsettled.memory.bytes == 0
        assert not stage.source.commits or all(offset == 0 for _, offset in stage.source.commits)

    in_virtual_time(scenario())


@pytest.mark.slow
def test_an_outage_pauses_and_the_backlog_stays_in_its_bound() -> None:
    async def scenario() -> None:
        stage = Stage(settings(max_unsettled_records=1000))
        stage.api.answer = lambda _: TransientFault("503")
        stage.topic.produce(*(f"s{n % 300}/u/{n}" for n in range(5000)))
        stage.source.assign(0)
        async with running(stage):
            await asyncio.sleep(600)
            assert stage.worker.unsettled.memory.records <= 1000
            assert stage.source.pauses == 1
            stage.api.answer = lambda _: Accepted()
            await stage.settled()
        assert sum(map(len, stage.api.accepted.values())) == 5000

    in_virtual_time(scenario())


def test_a_drain_delivers_what_lingers_and_commits_it() -> None:
    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=100))
        stage.topic.produce("a/u/1", "b/u/2")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.worker.unsettled.memory.records == 2)
        assert stage.topic.at_end()
        assert stage.loop.time() < 5

    in_virtual_time(scenario())


def test_a_drain_ends_in_time_and_commits_nothing_undelivered() -> None:
    async def scenario() -> None:
        stage = Stage(settings(drain_seconds=20))
        stage.api.answer = lambda batch: TransientFault("500") if batch.session_id == "b" else Accepted()
        stage.topic.produce("a/u/0", "b/u/1", "a/u/2")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.api.accepted["a"])
            stopped_at = stage.loop.time()
        assert stage.loop.time() - stopped_at < 26
        assert stage.topic.committed["interactions", 0] == 1

    in_virtual_time(scenario())
