"""Records that are older than they may be when their turn comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.schedules import failing
from tests.support.stage import EPOCH_SECONDS, Stage, running, settings
from tests.support.twins import TOPIC, TopicTwin
from tests.support.virtual_time import in_virtual_time
from worker.core.model.outcomes import Accepted, Misconfigured, TransientFault
from worker.core.model.partition import Partition

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Reason, Record, Skipped

pytestmark = pytest.mark.slow

P0 = Partition(TOPIC, 0)
MAX_AGE_SECONDS = 60
START_MS = int(1000 * EPOCH_SECONDS)
OLD_MS = START_MS - 3_600_000


def stage_with_limit(**more: Any) -> Stage:
    """With a worker of which a call has come through before."""
    stage = Stage(settings(max_age_seconds=MAX_AGE_SECONDS, **more))
    stage.worker.permits.outage.over(0.0)
    return stage


def letters(stage: Stage) -> list[str]:
    """The last part of each dead letter, and that each is there for its age."""
    assert {reason.kind for _, reason, _ in stage.dead_letters.letters} <= {"too_old"}
    return [(record.value or b"").decode().rpartition("/")[2] for record, _, _ in stage.dead_letters.letters]


def test_an_old_backlog_is_worked_off_without_a_call() -> None:
    async def scenario() -> None:
        stage = stage_with_limit(requests_per_second=0.05)
        stage.topic.produce(*(f"s{n % 50}/u/{n}" for n in range(5000)), timestamp_ms=OLD_MS)
        stage.topic.produce("a/u/fresh", timestamp_ms=START_MS)
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: len(stage.dead_letters.letters) == 5000, seconds=5)
            assert not stage.api.calls
            await stage.settled()
        assert stage.api.delivered() == ["fresh"]
        assert sorted(letters(stage), key=int) == [str(n) for n in range(5000)]
        assert stage.metrics.counts["dead_lettered too_old"] == 5000

    in_virtual_time(scenario())


def test_it_is_skipped_when_the_rule_says_so() -> None:
    async def scenario() -> None:
        stage = stage_with_limit(when_too_old="skip")
        stage.topic.produce("a/u/1", "a/u/2", timestamp_ms=OLD_MS)
        stage.topic.produce("a/u/3", timestamp_ms=START_MS)
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert stage.api.accepted == {"a": ["3"]}
        assert stage.metrics.counts["skipped too_old"] == 2
        assert not stage.dead_letters.letters

    in_virtual_time(scenario())


def test_it_is_committed_only_after_its_dead_letter_was_acknowledged() -> None:
    async def scenario() -> None:
        stage = stage_with_limit()
        stage.dead_letters.broken = "no such topic"
        stage.topic.produce("a/u/1", timestamp_ms=OLD_MS)
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.breaker.holds)
            await asyncio.sleep(100)
            assert stage.topic.committed.get(P0, 0) == 0
            stage.dead_letters.broken = None
            await stage.settled()
        assert letters(stage) == ["1"]
        assert stage.worker.unsettled.memory.bytes == 0

    in_virtual_time(scenario())


@pytest.mark.parametrize("timestamp_ms", [None, START_MS, START_MS + 10**9])
def test_a_record_without_a_timestamp_or_from_the_future_is_sent(timestamp_ms: int | None) -> None:
    async def scenario() -> None:
        stage = stage_with_limit()
        stage.topic.produce("a/u/1", timestamp_ms=timestamp_ms)
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert stage.api.delivered() == ["1"]

    in_virtual_time(scenario())


def test_what_is_skipped_or_undecodable_stays_that_whatever_its_age() -> None:
    async def scenario() -> None:
        stage = stage_with_limit()
        stage.topic.produce("skip", "bad", timestamp_ms=OLD_MS)
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert stage.metrics.counts["skipped skip"] == 1
        assert stage.metrics.counts["dead_lettered not_json"] == 1

    in_virtual_time(scenario())


def test_what_came_of_age_in_the_queue_is_put_aside_and_the_rest_goes_in_order() -> None:
    """Two calls a minute: the session's first events wait too long, those after them go."""

    async def scenario() -> None:
        stage = stage_with_limit(requests_per_second=1 / 30)
        stage.source.assign(0)
        async with running(stage):
            for n in range(200):
                now_ms = START_MS + int(1000 * stage.loop.time())
                stage.topic.produce(f"s{n % 4}/u/{n}", timestamp_ms=now_ms)
                await asyncio.sleep(1)
            await stage.settled()
        aside = letters(stage)
        assert sorted([*aside, *stage.api.delivered()], key=int) == [str(n) for n in range(200)]
        assert len(aside) > 20
        for accepted in stage.api.accepted.values():
            assert accepted == sorted(accepted, key=int)

    in_virtual_time(scenario())


def test_it_takes_no_pass_of_the_gate() -> None:
    """One call in a hundred seconds, and it goes to the event that may still be sent."""

    async def scenario() -> None:
        stage = stage_with_limit(requests_per_second=1 / 100)
        stage.source.idle_seconds = 1.0
        stage.source.assign(0)
        async with running(stage):
            await asyncio.sleep(10)
            stage.topic.produce(*(f"s{n}/u/{n}" for n in range(99)), timestamp_ms=START_MS)
            await asyncio.sleep(80)
            stage.topic.produce("last/u/last", timestamp_ms=START_MS + 90_000)
            await stage.settled()
            assert stage.loop.time() < 110
        assert stage.api.delivered() == ["last"]
        assert len(letters(stage)) == 99

    in_virtual_time(scenario())


def test_when_all_that_is_due_is_too_old_no_pass_is_lost() -> None:
    """An event waits for its session's call; the quota's next call is left for one that comes later."""

    async def scenario() -> None:
        stage = stage_with_limit(requests_per_second=1 / 100)
        stage.api.seconds = 90
        stage.source.idle_seconds = 1.0
        stage.source.assign(0)
        async with running(stage):
            await asyncio.sleep(95)
            stage.topic.produce("a/u/1", "a/v/2", timestamp_ms=START_MS + 95_000)
            await asyncio.sleep(100)
            assert letters(stage) == ["2"]
            await asyncio.sleep(10)
            stage.topic.produce("b/u/3", timestamp_ms=START_MS + 205_000)
            await asyncio.sleep(5)
            assert stage.limiter.in_flight == 1
            await stage.settled()
        assert stage.api.delivered() == ["1", "3"]

    in_virtual_time(scenario())


def test_what_is_in_a_call_is_not_judged() -> None:
    async def scenario() -> None:
        stage = stage_with_limit()
        stage.api.seconds = 2 * MAX_AGE_SECONDS
        stage.topic.produce("a/u/1", timestamp_ms=START_MS)
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert stage.api.delivered() == ["1"]

    in_virtual_time(scenario())


def test_what_fails_for_too_long_is_put_aside_when_it_is_given_back() -> None:
    async def scenario() -> None:
        stage = stage_with_limit()
        stage.api.answer = failing("bad")
        stage.topic.produce("bad/u/1", timestamp_ms=START_MS)
        stage.source.assign(0)
        async with running(stage):
            while not stage.dead_letters.letters:
                stage.topic.produce("good/u/x", timestamp_ms=START_MS + int(1000 * stage.loop.time()))
                await asyncio.sleep(1)
            assert stage.loop.time() < 200
        assert letters(stage) == ["1"]

    in_virtual_time(scenario())


@pytest.mark.parametrize(
    "answer", [Misconfigured("AccessDeniedException"), TransientFault("ConnectionFailed")]
)
def test_while_no_call_comes_through_nothing_is_too_old(answer: Answer) -> None:
    """A wrong permission, a wrong address: no topic is emptied. Age is judged once it is fixed."""

    async def scenario() -> None:
        stage = stage_with_limit()
        now: list[Answer] = [answer]
        stage.api.answer = lambda _: now[0]
        stage.topic.produce(*(f"s{n}/u/{n}" for n in range(300)), timestamp_ms=START_MS)
        stage.source.assign(0)
        async with running(stage):
            await asyncio.sleep(100)
            stage.topic.produce("came/u/meanwhile", timestamp_ms=START_MS)
            await asyncio.sleep(100)
            assert not stage.dead_letters.letters
            assert not stage.topic.committed[P0]
            now[0] = Accepted()
            stage.topic.produce("a/u/fresh", timestamp_ms=START_MS + 200_000)
            await stage.settled()
        assert "fresh" in stage.api.delivered()
        assert len(letters(stage)) + len(stage.api.delivered()) == 302
        assert len(letters(stage)) > 20

    in_virtual_time(scenario())


@pytest.mark.parametrize(
    "answer", [Misconfigured("AccessDeniedException"), TransientFault("ConnectionFailed")]
)
@pytest.mark.parametrize("when_too_old", ["dead_letter", "skip"])
def test_a_start_anew_while_no_call_comes_through_empties_nothing(answer: Answer, when_too_old: Any) -> None:
    """The worker before it was held until all was too old; this one has yet to find out."""

    async def scenario() -> None:
        stage = Stage(settings(max_age_seconds=MAX_AGE_SECONDS, when_too_old=when_too_old))
        now: list[Answer] = [answer]
        stage.api.answer = lambda _: now[0]
        stage.topic.produce(*(f"s{n}/u/{n}" for n in range(3000)), timestamp_ms=OLD_MS)
        stage.source.assign(0)
        async with running(stage):
            await asyncio.sleep(100)
            assert stage.api.calls
            assert not stage.dead_letters.letters
            assert not stage.metrics.counts["skipped too_old"]
            assert not stage.topic.committed[P0]
            now[0] = Accepted()
            await stage.settled()
        aside = len(letters(stage)) + stage.metrics.counts["skipped too_old"]
        assert aside + len(stage.api.delivered()) == 3000
        assert aside > 2000

    in_virtual_time(scenario())


def test_an_outage_that_nobody_could_confirm_for_want_of_records_empties_nothing() -> None:
    """Another pod has the records that failed; a backlog comes, and calls fail still."""

    async def scenario() -> None:
        stage = Stage(settings(max_age_seconds=MAX_AGE_SECONDS), TopicTwin(2))
        stage.worker.permits.outage.over(0.0)
        stage.api.answer = lambda _: TransientFault("ConnectionFailed")
        stage.topic.produce("a/u/1", timestamp_ms=START_MS + 10**9)
        stage.source.assign(0)
        async with running(stage):
            await asyncio.sleep(30)
            stage.source.lose(0)
            await asyncio.sleep(600)
            assert stage.worker.permits.outage.now(stage.loop.time()) is None
            stage.topic.produce(*(f"s{n}/u/{n}" for n in range(50)), partition=1, timestamp_ms=OLD_MS)
            stage.source.assign(1)
            await asyncio.sleep(120)
            assert not stage.dead_letters.letters
            stage.api.answer = lambda _: Accepted()
            await stage.until(lambda: not stage.worker.unsettled.memory.records)

    in_virtual_time(scenario())


def test_after_the_clock_jumped_nothing_is_too_old_before_a_call_shows_that_it_is_right() -> None:
    """AWS takes no signature of a wrong clock; a call that was under way proves nothing."""

    async def scenario() -> None:
        stage, jump_seconds = stage_with_limit(when_too_old="skip"), 0.0
        stage.source.assign(0)
        stage.worker.pipeline._age_filter._epoch_seconds = lambda: stage.epoch_seconds() + jump_seconds  # noqa: SLF001  the wall clock
        async with running(stage):
            stage.api.seconds = 3
            stage.topic.produce("a/u/under-way", timestamp_ms=START_MS)
            await stage.until(lambda: stage.limiter.in_flight)
            jump_seconds = 86_400
            skewed = Misconfigured("RequestTimeTooSkewed")
            stage.api.answer = lambda batch: Accepted() if batch.session_id == "a" else skewed
            for n in range(300):
                stage.topic.produce(f"s{n}/u/{n}", timestamp_ms=START_MS + int(1000 * stage.loop.time()))
            await asyncio.sleep(20)
            assert stage.api.delivered() == ["under-way"]
            assert stage.breaker.holds
            assert not stage.metrics.counts["skipped too_old"]
            jump_seconds = 0.0
            stage.api.answer = lambda _: Accepted()
            await stage.settled()
        assert len(stage.api.delivered()) == 301

    in_virtual_time(scenario())


def test_a_hundred_thousand_at_once_are_put_aside_within_bounds() -> None:
    """Few letters under way at a time, memory in its bound, and live events go meanwhile."""

    async def scenario() -> None:
        stage = stage_with_limit(max_unsettled_records=10_000)
        write, under_way = stage.dead_letters.write, [0, 0]

        async def counted(record: Record, reason: Reason, tries: int) -> None:
            under_way[0] += 1
            under_way[1] = max(under_way)
            await write(record, reason, tries)
            under_way[0] -= 1

        stage.dead_letters.write = counted
        stage.topic.produce(*(f"s{n % 1000}/u/{n}" for n in range(100_000)), timestamp_ms=OLD_MS)
        stage.source.assign(0)
        most = 0
        async with running(stage):
            while not stage.topic.at_end():
                most = max(most, stage.worker.unsettled.memory.records)
                await asyncio.sleep(0.05)
            assert stage.loop.time() < 60
        assert len(stage.dead_letters.letters) == 100_000
        assert under_way[1] <= 500
        assert most <= 10_000

    in_virtual_time(scenario())


def test_a_backlog_in_memory_that_is_too_old_after_a_hold_lets_the_loop_have_its_turn() -> None:
    """All of it is put aside when the hold ends, some at a time."""

    async def scenario() -> None:
        stage = stage_with_limit(when_too_old="skip")
        stage.api.answer = failing("s")
        stage.topic.produce(*(f"s{n}/u/{n}" for n in range(20_000)), timestamp_ms=START_MS)
        stage.source.assign(0)
        count, in_one_turn = stage.metrics.skipped, [0, 0]

        def next_turn() -> None:
            in_one_turn[0] = 0

        def counted(skipped: Skipped) -> None:
            count(skipped)
            if not in_one_turn[0]:
                stage.loop.call_soon(next_turn)
            in_one_turn[0] += 1
            in_one_turn[1] = max(in_one_turn)

        stage.metrics.skipped = counted
        async with running(stage):
            await stage.until(lambda: stage.worker.unsettled.memory.records == 20_000)
            await asyncio.sleep(2 * MAX_AGE_SECONDS)
            assert not stage.metrics.counts["skipped"]
            stage.api.answer = lambda _: Accepted()
            await stage.settled()
        assert stage.metrics.counts["skipped"] > 10_000
        assert in_one_turn[1] <= 1010

    in_virtual_time(scenario())
