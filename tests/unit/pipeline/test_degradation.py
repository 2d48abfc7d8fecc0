"""That too few calls come through is said, since when and why, though records are delivered."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.stage import Stage, running, settings
from tests.support.virtual_time import in_virtual_time
from tests.support.watching import status_of
from worker.core.model.outcomes import Accepted, Throttled, TransientFault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, MutableMapping

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch
    from worker.core.model.worker_status import WorkerStatus

pytestmark = pytest.mark.slow


class Loaded:
    """A worker that has more to send than it may."""

    def __init__(self, requests_per_second: float) -> None:
        self.stage = Stage(settings(requests_per_second=requests_per_second, linger_seconds=0))
        self.status = status_of(self.stage)
        self.lines: list[MutableMapping[str, object]] = []
        self._sessions = 0

    def now(self) -> WorkerStatus:
        return self.status.status()

    async def run(self, seconds: float, records_per_second: int = 200) -> None:
        for _ in range(int(seconds)):
            self._sessions += records_per_second
            first = self._sessions
            self.stage.topic.produce(*(f"s{n}/u/{n}" for n in range(first, first + records_per_second)))
            await asyncio.sleep(1)

    def said(self, event: str) -> list[MutableMapping[str, object]]:
        return [line for line in self.lines if line["event"] == event]


@asynccontextmanager
async def loaded(requests_per_second: float = 100) -> AsyncIterator[Loaded]:
    made = Loaded(requests_per_second)
    made.stage.source.assign(0)
    with capture_logs() as lines:
        made.lines = lines
        async with running(made.stage):
            yield made
            made.stage.api.answer = lambda _: Accepted()


def stranger_leaves(stage: Stage, calls_per_second: float) -> None:
    """Another program takes all of the quota but this."""
    last, tokens = stage.loop.time(), 1.0

    def answer(_: Batch) -> Answer:
        nonlocal last, tokens
        tokens = min(2.0, tokens + calls_per_second * (stage.loop.time() - last))
        last = stage.loop.time()
        if tokens < 1:
            return Throttled("ThrottlingException")
        tokens -= 1
        return Accepted()

    stage.api.answer = answer


def failing_part(part: float, fault: Answer) -> Answer:
    return fault if random.random() < part else Accepted()  # noqa: S311  made-up chance, not a secret


def test_throttling_by_a_stranger_is_told_with_since_when_and_what_to_do() -> None:
    async def scenario() -> None:
        async with loaded() as worker:
            await worker.run(20)
            assert worker.now().warnings == ()
            stranger_leaves(worker.stage, 20)
            await worker.run(120)
            status = worker.now()
            assert status.ready
            (warning,) = status.warnings
            assert "of 100 calls/s for 1" in warning  # 110 s and some
            assert "of calls throttled; another program uses the same quota" in warning
            assert status.sending is not None
            assert status.sending.throttled_seconds is not None
            assert 100 < status.sending.throttled_seconds < 120
            assert status.sending.rate_calls_per_second < 40
            told = worker.said("calls.throttled")
            assert 2 <= len(told) <= 3
            assert told[0]["share"] == 100
            worker.stage.api.answer = lambda _: Accepted()
            await worker.run(240)
            assert worker.now().warnings == ()
            assert len(worker.said("calls.unthrottled")) == 1

    in_virtual_time(scenario())


def test_a_small_quota_of_ones_own_is_no_throttling() -> None:
    async def scenario() -> None:
        async with loaded(requests_per_second=20) as worker:
            stranger_leaves(worker.stage, 21)
            await worker.run(200)
            status = worker.now()
            assert (status.ready, status.warnings) == (True, ())
            assert status.sending is not None
            assert (status.sending.quota_calls_per_second, status.sending.throttled_seconds) == (20, None)
            assert not worker.said("calls.throttled")

    in_virtual_time(scenario())


def test_throttling_is_not_told_for_long_with_nothing_to_send() -> None:
    async def scenario() -> None:
        async with loaded() as worker:
            stranger_leaves(worker.stage, 20)
            await worker.run(60, records_per_second=100)
            assert worker.now().warnings
            worker.stage.api.answer = lambda _: Accepted()
            await worker.stage.settled()
            await asyncio.sleep(40)
            assert worker.now().warnings == ()

    in_virtual_time(scenario())


def test_all_calls_throttled_is_unready_and_told_as_throttling() -> None:
    async def scenario() -> None:
        async with loaded() as worker:
            worker.stage.api.answer = lambda _: Throttled("ThrottlingException")
            await worker.run(60)
            status = worker.now()
            (reason,) = status.reasons
            assert reason.startswith("no call accepted since the start, failing for ")
            assert "ThrottlingException; another program uses the same quota" in reason
            assert "endpoint" not in reason
            assert status.warnings == ()
            assert not worker.said("calls.throttled")
            assert worker.said("calls.failing")

    in_virtual_time(scenario())


def test_that_most_calls_fail_for_minutes_is_told_though_some_are_accepted() -> None:
    async def scenario() -> None:
        random.seed(1)
        async with loaded() as worker:
            fault = TransientFault("InternalServerException")
            worker.stage.api.answer = lambda _: failing_part(0.7, fault)
            await worker.run(180, records_per_second=20)
            status = worker.now()
            assert status.ready
            (warning,) = status.warnings
            assert "% of calls fail for 1" in warning
            assert "most with InternalServerException; the API, or a proxy in front of it, fails" in warning
            assert 2 <= len(worker.said("calls.many_fail")) <= 4
            worker.stage.api.answer = lambda _: Accepted()
            await worker.run(120, records_per_second=20)
            assert worker.now().warnings == ()
            assert len(worker.said("calls.failing_no_more")) == 1

    in_virtual_time(scenario())


def test_an_api_slower_than_answers_are_waited_for_is_told_as_that() -> None:
    async def scenario() -> None:
        random.seed(2)
        async with loaded() as worker:
            worker.stage.api.answer = lambda _: failing_part(0.5, TransientFault("AnswerTimeout"))
            await worker.run(90, records_per_second=20)
            (warning,) = worker.now().warnings
            assert "most with AnswerTimeout; it was reached, but did not answer within" in warning
            assert "check endpoint" not in warning

    in_virtual_time(scenario())


def test_a_few_faults_are_not_worth_a_word() -> None:
    async def scenario() -> None:
        random.seed(3)
        async with loaded() as worker:
            worker.stage.api.answer = lambda _: failing_part(0.05, TransientFault("Http503"))
            await worker.run(300, records_per_second=20)
            assert worker.now().warnings == ()
        assert {str(line["event"]) for line in worker.lines if line["log_level"] != "debug"} == {
            "group.rebalanced",
            "drain.began",
            "drain.ended",
        }

    in_virtual_time(scenario())
