"""Content that something on the way never lets through: it costs itself, and nobody else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.stage import Stage, running, settings
from tests.support.twins import TopicTwin, events
from tests.support.virtual_time import in_virtual_time
from worker.core.flow_control.isolation import MOST_AT_ONCE
from worker.core.model.outcomes import Accepted, Answer, Misconfigured, TransientFault
from worker.core.model.records import REFUSED

if TYPE_CHECKING:
    from worker.core.model.records import Batch

pytestmark = pytest.mark.slow

FORBIDDEN = Misconfigured("Http403")
FOREIGN = [FORBIDDEN, Misconfigured("Http302"), TransientFault("Http502"), TransientFault("NotTheApi")]
POISON = "poison"
MINUTE = 60
HOUR = 60 * MINUTE


def refusing(answer: Answer, text: str = POISON) -> object:
    """An API behind something that answers so what says this."""
    return lambda batch: answer if any(text in event for event in events(batch)) else Accepted()


async def others(stage: Stage, seconds: int, *, each_seconds: float = 1.0) -> None:
    """Meanwhile other sessions' events come in."""
    for number in range(int(seconds / each_seconds)):
        at = stage.loop.time()
        stage.topic.produce(f"o{at:.1f}-{number}/u/{at}")
        await asyncio.sleep(each_seconds)


def delays(stage: Stage) -> list[float]:
    """Of the others' events, from being produced to being accepted, the longest last."""
    accepted = [(at, batch) for at, batch, answer in stage.api.calls if answer == Accepted()]
    return sorted(
        at - float(event)
        for at, batch in accepted
        if batch.session_id.startswith("o")
        for event in events(batch)
    )


@pytest.mark.parametrize("answer", FOREIGN)
def test_one_event_among_ten_that_a_gateway_refuses_is_a_dead_letter_and_nobody_waits(
    answer: Answer,
) -> None:
    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=0.5), TopicTwin())
        stage.api.answer = refusing(answer)  # type: ignore[assignment]  # its own is one of two
        stage.source.assign(0)
        names = [f"{POISON if number == 4 else 'good'}-{number}" for number in range(10)]
        async with running(stage):
            await others(stage, 5)
            stage.topic.produce(*[f"bad/u/{name}" for name in names])
            await others(stage, 5 * MINUTE)
            await stage.settled()
        ((record, reason, _),) = stage.dead_letters.letters
        assert record.value == b"bad/u/poison-4"
        assert reason.kind == REFUSED
        assert reason.text.startswith(answer.code)  # type: ignore[union-attr]  # it has one
        # In their order, the one left out.
        assert stage.api.accepted["bad"] == [name for name in names if not name.startswith(POISON)]
        assert delays(stage)[-1] < 2.0

    in_virtual_time(scenario())


def test_on_a_quiet_topic_it_takes_longer_and_ends_as_well() -> None:
    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=0.5), TopicTwin())
        stage.api.answer = refusing(FORBIDDEN)  # type: ignore[assignment]  # its own is one of two
        stage.source.assign(0)
        stage.topic.produce(f"bad/u/{POISON}")
        async with running(stage):
            await others(stage, HOUR, each_seconds=20.0)
            await stage.settled()
        assert [record.value for record, *_ in stage.dead_letters.letters] == [b"bad/u/poison"]
        # The first few waited for a probe; from then on it was known whose fault it is.
        assert sum(delay > 2.0 for delay in delays(stage)) <= 4

    in_virtual_time(scenario())


def test_a_gateway_that_refuses_everything_holds_and_costs_nothing() -> None:
    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=0.5), TopicTwin())
        stage.source.assign(0)
        async with running(stage):
            await others(stage, MINUTE, each_seconds=0.1)
            stage.api.answer = lambda _: FORBIDDEN
            await others(stage, 5, each_seconds=0.1)
            assert [hold.reason for hold in stage.breaker.holds] == ["Http403"]
            await others(stage, HOUR)
            assert stage.breaker.holds
            stage.api.answer = lambda _: Accepted()
            await stage.settled()
        assert stage.dead_letters.letters == []

    in_virtual_time(scenario())


@pytest.mark.parametrize("answer", [Misconfigured("AccessDeniedException"), Misconfigured("ExpiredToken")])
def test_what_aws_denies_holds_and_is_no_dead_letter_whoever_else_is_accepted(answer: Answer) -> None:
    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=0.5), TopicTwin())
        stage.api.answer = refusing(answer)  # type: ignore[assignment]  # its own is one of two
        stage.source.assign(0)
        stage.topic.produce(f"bad/u/{POISON}")
        async with running(stage):
            await others(stage, HOUR)
            assert stage.dead_letters.letters == []
            stage.api.answer = lambda _: Accepted()
            await stage.settled()

    in_virtual_time(scenario())


def test_a_gateway_that_has_taken_against_many_sessions_empties_no_topic() -> None:
    """Each fiftieth event: their sessions take up all places in the end, and then the worker stands still."""

    def answer(batch: Batch) -> Answer:
        return FORBIDDEN if any(event.endswith("49") for event in events(batch)) else Accepted()

    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=0.1), TopicTwin())
        stage.api.answer = answer
        stage.source.assign(0)
        async with running(stage):
            for second in range(20 * MINUTE):
                at = second * 20
                stage.topic.produce(*[f"s{number}/u/{number}" for number in range(at, at + 20)])
                await asyncio.sleep(1)
            assert len(stage.dead_letters.letters) <= MOST_AT_ONCE
            stage.api.answer = lambda _: Accepted()
            await stage.settled()
        assert len(stage.dead_letters.letters) <= MOST_AT_ONCE

    in_virtual_time(scenario())


@pytest.mark.parametrize("code", ["InternalServerException", "ConnectionReset"])
def test_what_the_api_fails_over_for_hours_is_a_dead_letter_and_not_before(code: str) -> None:
    async def scenario() -> None:
        stage = Stage(settings(linger_seconds=0.5), TopicTwin())
        stage.api.answer = refusing(TransientFault(code))  # type: ignore[assignment]  # its own is one of two
        stage.source.assign(0)
        stage.topic.produce(f"bad/u/{POISON}", "bad/u/good")
        async with running(stage):
            await others(stage, HOUR, each_seconds=5.0)
            assert stage.dead_letters.letters == []
            await others(stage, HOUR, each_seconds=5.0)
            await stage.settled()
        assert [record.value for record, *_ in stage.dead_letters.letters] == [b"bad/u/poison"]
        assert stage.api.accepted["bad"] == ["good"]

    in_virtual_time(scenario())
