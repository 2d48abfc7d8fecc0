"""A hold begins, lasts and ends with its cause, whatever comes together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.builders import admission
from tests.support.stage import Stage, running, settings
from tests.support.twins import TOPIC, TopicTwin
from tests.support.virtual_time import in_virtual_time
from worker.core.flow_control.holds import HoldKind
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, TransientFault
from worker.core.model.partition import Partition
from worker.pipeline.permits import Permits
from worker.ports import DeadLettersUnwritable

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Reason, Record

P0 = Partition(TOPIC, 0)


def test_a_hold_for_a_dead_letter_ends_when_its_record_has_another_owner() -> None:
    """Nobody here writes that letter any more, so nobody would find out that the hold is over."""

    async def scenario() -> None:
        stage = Stage(topic=TopicTwin(2))
        stage.dead_letters.broken = "no such topic"
        stage.topic.produce("bad", partition=0)
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            stage.source.revoke(0)
            await stage.until(lambda: stage.metrics.counts["revoked"])
            stage.dead_letters.broken = None
            stage.topic.produce("a/u/1", partition=1)
            await stage.until(lambda: stage.api.accepted["a"] == ["1"], seconds=600)

    in_virtual_time(scenario())


def test_a_letter_that_fails_after_its_assignment_ended_holds_nothing_for_ever() -> None:
    """The same by another way: the assignment ends while the broker is asked, and the broker says no."""

    async def scenario() -> None:
        stage = Stage(topic=TopicTwin(2))
        stage.dead_letters.broken, stage.dead_letters.seconds = "no such topic", 20
        stage.topic.produce("bad", partition=0)
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.worker.unsettled.memory.records)
            stage.source.lose(0)
            await asyncio.sleep(30)
            stage.dead_letters.broken = None
            stage.topic.produce("a/u/1", partition=1)
            await stage.until(lambda: stage.api.accepted["a"] == ["1"], seconds=600)

    in_virtual_time(scenario())


def test_a_dead_letter_that_cannot_be_written_holds_though_others_can() -> None:
    """One letter is too large for the topic: others that fit do not end the hold it is for."""

    async def scenario() -> None:
        stage = Stage()
        write = stage.dead_letters.write

        async def fussy(record: Record, reason: Reason, tries: int) -> None:
            if record.offset == 0:
                await asyncio.sleep(stage.dead_letters.seconds)
                raise DeadLettersUnwritable("too large")
            await write(record, reason, tries)

        stage.dead_letters.write = fussy
        stage.topic.produce("bad", "bad", "bad")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: len(stage.dead_letters.letters) == 2)
            for _ in range(500):
                assert [hold.kind for hold in stage.breaker.holds] == ["dead_letters"]
                await asyncio.sleep(0.01)

    in_virtual_time(scenario())


def test_a_hold_that_begins_during_a_revoke_ends_the_flush() -> None:
    """Waiting is no use then, and the next owner may do better."""

    async def scenario() -> None:
        stage = Stage(settings(revoke_seconds=60))
        stage.api.seconds = 1
        stage.api.answer = lambda _: Misconfigured("AccessDeniedException")
        stage.topic.produce("a/u/1")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.limiter.in_flight)
            stage.source.revoke(0)
            await stage.until(lambda: stage.breaker.holds)
            await stage.until(lambda: stage.metrics.counts["revoked"], seconds=1)

    in_virtual_time(scenario())


def test_an_acceptance_from_before_the_hold_does_not_end_it() -> None:
    """A call that went before the credentials expired says nothing about them now."""

    async def scenario() -> None:
        stage = Stage()
        put = stage.api.put

        async def expiring(batch: Batch) -> Answer:
            stage.api.seconds = 5 if batch.session_id == "early" else 0.1
            return await put(batch)

        stage.api.put = expiring
        stage.api.answer = lambda batch: (
            Accepted() if batch.session_id == "early" else Misconfigured("ExpiredToken")
        )
        stage.topic.produce("early/u/1")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.limiter.in_flight)
            stage.topic.produce(*(f"s{n}/u/{n}" for n in range(5)))
            await stage.until(lambda: stage.breaker.holds)
            await stage.until(lambda: stage.api.accepted["early"])
            await asyncio.sleep(0)
            assert stage.breaker.holds

    in_virtual_time(scenario())


def test_several_holds_end_each_by_its_own_cause() -> None:
    async def scenario() -> None:
        stage = Stage(topic=TopicTwin(2))
        stage.api.answer = lambda _: Misconfigured("AccessDeniedException")
        stage.dead_letters.broken = "no such topic"
        stage.topic.produce(*(f"s{n}/u/{n}" for n in range(30)))
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            stage.topic.produce("bad")
            await stage.until(lambda: len(stage.breaker.holds) == 2)
            stage.api.answer = lambda _: Accepted()
            await asyncio.sleep(120)
            assert not stage.api.delivered()
            stage.dead_letters.broken = None
            await stage.settled()
            assert not stage.breaker.holds
        assert len(stage.api.delivered()) == 30

    in_virtual_time(scenario())


@pytest.mark.slow
def test_a_backlog_full_of_undecodables_holds_and_recovers() -> None:
    async def scenario() -> None:
        stage = Stage(settings(max_unsettled_records=1000, hold_after_unmappable=None))
        stage.dead_letters.broken = "no such topic"
        stage.topic.produce(*["bad"] * 3000, "a/u/1")
        stage.source.assign(0)
        async with running(stage):
            await asyncio.sleep(600)
            assert stage.worker.unsettled.memory.records <= 1000
            stage.dead_letters.broken = None
            await stage.settled()
            assert not stage.breaker.holds
        assert len(stage.dead_letters.letters) == 3000
        assert stage.worker.unsettled.memory.bytes == 0

    in_virtual_time(scenario())


@pytest.mark.parametrize(
    ("kind", "answer", "is_over"),
    [
        ("misconfigured", Accepted(), True),
        ("misconfigured", Refused("InvalidInputException"), True),
        ("misconfigured", TransientFault("500"), False),
        ("refusals", Accepted(), True),
        ("refusals", Refused("InvalidInputException"), False),
        ("dead_letters", Accepted(), False),
        ("dead_letters", Refused("InvalidInputException"), False),
    ],
)
def test_a_hold_ends_by_what_shows_that_its_cause_is_gone(
    kind: str, answer: Answer, *, is_over: bool
) -> None:
    async def scenario() -> None:
        clock = asyncio.get_running_loop().time
        permits = Permits(admission(1000, max_in_flight=2), clock)
        permits.set_share(1.0)
        permit = await permits.acquire()
        permits.hold(HoldKind(kind), "SomeCode")
        permit.release(answer, sent_at=clock())
        assert bool(permits.breaker.holds) is not is_over

    in_virtual_time(scenario())


def test_a_probe_is_one_event() -> None:
    """Enough to find out, and the least to be refused."""

    async def scenario() -> None:
        stage = Stage()
        stage.api.answer = lambda _: Misconfigured("AccessDeniedException")
        stage.topic.produce(*(f"s{n % 2}/u/{n}" for n in range(20)))
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            await asyncio.sleep(1)
            before = len(stage.api.calls)
            await asyncio.sleep(200)
            probes = [len(batch.interactions) for _, batch, _ in stage.api.calls[before:]]
            assert len(probes) > 3
            assert set(probes) == {1}

    in_virtual_time(scenario())


def test_a_hold_turns_away_whoever_goes_again() -> None:
    """Those who wait already and those who come later: a probe is never the same refused call again."""

    async def scenario() -> None:
        clock = asyncio.get_running_loop().time
        permits = Permits(admission(1000, max_in_flight=1), clock)
        permits.set_share(1.0)
        permit = await permits.acquire()
        waiting = asyncio.create_task(permits.acquire_again())
        await asyncio.sleep(1)
        permits.hold(HoldKind.REFUSALS, "InvalidInputException")
        assert not await waiting
        permit.release()
        await asyncio.sleep(60)
        assert not await permits.acquire_again()
        assert permits.limiter.in_flight == 0

    in_virtual_time(scenario())


def test_a_revoke_ends_as_soon_as_the_last_dead_letter_is_acknowledged() -> None:
    async def scenario() -> None:
        stage = Stage(settings(revoke_seconds=60))
        stage.dead_letters.seconds = 1
        stage.topic.produce("bad")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.worker.unsettled.memory.records)
            stage.source.revoke(0)
            await stage.until(lambda: stage.topic.committed.get(P0) == 1, seconds=3)

    in_virtual_time(scenario())


@pytest.mark.parametrize("kind", [Misconfigured, Refused])
def test_what_the_api_says_is_neither_logged_nor_a_holds_reason(
    kind: type[Misconfigured | Refused],
) -> None:
    """Its message may quote the event."""

    async def scenario() -> None:
        stage = Stage(settings(hold_after_refusals=1))
        stage.api.answer = lambda _: kind("SomeCode", "the user 4711 is not known")
        stage.topic.produce(*(f"s4711-{n}/4711/4711" for n in range(3)))
        stage.source.assign(0)
        with capture_logs() as logs:
            async with running(stage):
                await stage.until(lambda: stage.breaker.holds)
                assert [hold.reason for hold in stage.breaker.holds] == ["SomeCode"]
        assert logs
        assert "4711" not in str(logs)

    in_virtual_time(scenario())
