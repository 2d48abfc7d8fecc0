"""Sessions, and calls that wait for a permit, get their turn, whatever the others do."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support.builders import admission
from tests.support.schedules import failing
from tests.support.stage import Stage, running, settings
from tests.support.twins import TopicTwin, map_plainly
from tests.support.virtual_time import in_virtual_time
from worker.core.model.outcomes import Accepted, Throttled
from worker.pipeline.parking import MAPPED_BYTES_AT_ONCE
from worker.pipeline.permits import Permits

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Mapped, Record

LARGE = 50_000


@pytest.mark.parametrize("max_unsettled_records", [10, 100, 200, 400])
def test_a_small_bound_on_records_is_not_full_and_eased_at_once(max_unsettled_records: int) -> None:
    """Else records that can't be delivered, well below the bound, stop the intake of all others."""

    async def scenario() -> None:
        stage = Stage(settings(max_unsettled_records=max_unsettled_records))
        stage.api.answer = failing("bad")
        stuck = int(0.79 * max_unsettled_records)
        stage.topic.produce(*(f"bad/u/{n}" for n in range(stuck)))
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.api.calls)
            stage.topic.produce("a/u/1")
            await stage.until(lambda: stage.api.accepted["a"] == ["1"], seconds=600)

    in_virtual_time(scenario())


def test_sessions_that_fail_for_good_leave_quota_to_the_others() -> None:
    """Calls that are tried again go first, but not all the time."""

    async def scenario() -> None:
        stage = Stage(settings(requests_per_second=1))
        stage.api.answer = failing("bad")
        stage.topic.produce(*(f"bad{n}/u/{n}" for n in range(40)))
        stage.source.assign(0)
        async with running(stage):
            await asyncio.sleep(300)
            stage.topic.produce("a/u/1")
            await stage.until(lambda: stage.api.accepted["a"] == ["1"], seconds=600)

    in_virtual_time(scenario())


def test_sessions_that_fail_for_good_leave_places_to_the_others() -> None:
    """However many: a batch that waits to be tried again takes no place for ever."""

    async def scenario() -> None:
        stage = Stage(settings(max_in_flight=1))
        stage.api.answer = failing("bad")
        stage.topic.produce(*(f"bad{n}/u/{n}" for n in range(17)), "a/u/1")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.api.accepted["a"] == ["1"], seconds=3600)

    in_virtual_time(scenario())


@pytest.mark.parametrize("requests_per_second", [0.05, 0.5])
def test_a_quota_below_one_call_a_second_still_delivers(requests_per_second: float) -> None:
    async def scenario() -> None:
        stage = Stage(settings(requests_per_second=requests_per_second), TopicTwin(2))
        stage.topic.produce("a/u/1", "b/u/2", "a/u/3")
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert sorted(stage.api.delivered()) == ["1", "2", "3"]

    in_virtual_time(scenario())


def test_a_user_who_comes_and_goes_splits_calls_and_keeps_the_order() -> None:
    async def scenario() -> None:
        stage = Stage(settings(max_in_flight=1))
        users = ("-", "u", "-", "v", "u", "u", "-")
        stage.topic.produce(*(f"s/{users[n % 7]}/{n}" for n in range(70)))
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert stage.api.accepted["s"] == [str(n) for n in range(70)]
        assert stage.api.overlaps == 0

    in_virtual_time(scenario())


def test_whoever_is_let_through_and_cancelled_at_once_gives_the_place_back() -> None:
    async def scenario() -> None:
        permits = Permits(admission(1000, max_in_flight=1), asyncio.get_running_loop().time)
        permits.set_share(1.0)
        permit = await permits.acquire()
        waiting = asyncio.create_task(permits.acquire())
        await asyncio.sleep(1)
        permit.release()
        assert permits.limiter.in_flight == 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert permits.limiter.in_flight == 0

    in_virtual_time(scenario())


def test_whoever_stops_waiting_for_a_permit_takes_none() -> None:
    async def scenario() -> None:
        permits = Permits(admission(1000, max_in_flight=1), asyncio.get_running_loop().time)
        permits.set_share(1.0)
        permit = await permits.acquire()
        waiting = asyncio.create_task(permits.acquire())
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        permit.release()
        assert permits.limiter.in_flight == 0

    in_virtual_time(scenario())


def test_throttling_slows_the_worker_down() -> None:
    """An API that takes a tenth of what is configured: most calls are not sent in vain."""

    async def scenario() -> None:
        stage = Stage(settings(requests_per_second=200))
        taken: list[float] = []

        def answer(_: Batch) -> Answer:
            now = stage.loop.time()
            if len([at for at in taken if now - at < 1]) >= 20:
                return Throttled("ThrottlingException")
            taken.append(now)
            return Accepted()

        stage.api.answer = answer
        stage.topic.produce(*(f"s{n}/u/{n}" for n in range(1500)))
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.limiter.rate < 200)
            await stage.settled()
        assert stage.metrics.counts["Throttled"] < 2 * stage.metrics.counts["Accepted"]

    in_virtual_time(scenario())


def test_a_hot_partition_does_not_keep_the_records_of_another_waiting_for_long() -> None:
    """Nobody waits for more than what was taken in before: at most the bound, worked off in full calls."""

    async def scenario() -> None:
        records, calls_per_second, waits = 2000, 50, []
        stage = Stage(
            settings(requests_per_second=calls_per_second, max_unsettled_records=records), TopicTwin(2)
        )
        stage.topic.produce(*(f"hot{n // 10}/u/{n}" for n in range(60_000)), partition=1)
        stage.source.assign(0, 1)
        async with running(stage):
            await asyncio.sleep(20)
            for number in range(3):
                produced_at = stage.loop.time()
                stage.topic.produce(f"cold{number}/u/c{number}")
                await stage.until(lambda n=number: stage.api.accepted[f"cold{n}"])
                waits.append(stage.loop.time() - produced_at)
        assert not stage.topic.at_end()
        # Beside what was taken in before: one pause of the intake.
        assert max(waits) < records / (10 * calls_per_second) + 3

    in_virtual_time(scenario())


def test_large_records_are_mapped_a_few_at_a_time() -> None:
    """Else a reception of records that take long holds the loop up, and with it /live and the calls."""

    async def scenario() -> None:
        turn, mapped = 0, Counter[int]()

        def next_turn() -> None:
            nonlocal turn
            turn += 1

        def map_record(record: Record) -> Mapped:
            if not mapped[turn]:
                asyncio.get_running_loop().call_soon(next_turn)
            mapped[turn] += len(record.value or b"")
            return map_plainly(record)

        stage = Stage(map_record=map_record)
        bad = ["x" * LARGE] * 40
        stage.topic.produce(*(f"s/u/{n}{'x' * LARGE}" for n in range(40)), *bad, *(["s/u/1"] * 900))
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert max(mapped.values()) < MAPPED_BYTES_AT_ONCE + 2 * LARGE
        # Small ones still go by the hundred.
        assert len(mapped) < 40

    in_virtual_time(scenario())
