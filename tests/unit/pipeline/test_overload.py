"""More events than the quota carries, for hours of virtual time."""

from __future__ import annotations

import asyncio
from statistics import fmean, median
from typing import TYPE_CHECKING

import pytest

from tests.support.overload import OverloadedStage
from tests.support.stage import running, settings
from tests.support.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Literal

    from tests.support.overload import Delivered
    from worker.settings import Settings

    Order = Literal["oldest_first", "freshest_first"]

pytestmark = pytest.mark.slow

# Half a call a second carries 5 events; three times that come in.
CALLS_PER_SECOND = 0.5
EVENTS_PER_SECOND = 15
HOUR = 3600
WINDOW_SECONDS = 600
SESSIONS = [f"s{n}" for n in range(40)]
MAX_UNSETTLED = 2000
# Members that do not poll for so long lose their partitions (max.poll.interval.ms, librdkafka's default).
POLL_INTERVAL_SECONDS = 300

ORDERS = pytest.mark.parametrize("order", ["oldest_first", "freshest_first"])


def overloaded(order: Order = "oldest_first", max_age_seconds: float | None = None) -> Settings:
    return settings(
        requests_per_second=CALLS_PER_SECOND,
        max_unsettled_records=MAX_UNSETTLED,
        order=order,
        max_age_seconds=max_age_seconds,
    )


def windows(delivered: Iterable[Delivered]) -> Iterator[list[Delivered]]:
    """What was delivered, ten minutes each."""
    by_window: dict[int, list[Delivered]] = {}
    for each in delivered:
        by_window.setdefault(int(each.at / WINDOW_SECONDS), []).append(each)
    yield from by_window.values()


def mean_ages(delivered: Iterable[Delivered], of: str) -> list[float]:
    """The mean age of each session's events, or of each partition's."""
    ages: dict[object, list[float]] = {}
    for each in delivered:
        ages.setdefault(getattr(each, of), []).append(each.age_seconds)
    return [fmean(each) for each in ages.values()]


@ORDERS
def test_hours_of_overload_end_well(order: Order) -> None:
    """Calls fill, memory stays in its bound, the group is polled, and in the end everything is accepted."""

    async def scenario() -> None:
        stage = OverloadedStage(overloaded(order))
        async with running(stage):
            await stage.feed(SESSIONS, EVENTS_PER_SECOND, HOUR)
            assert stage.source.pauses > 10
            await stage.at_rest(4 * HOUR)
        assert fmean(stage.calls_of) > 9
        assert stage.most_unsettled <= MAX_UNSETTLED
        assert stage.longest_without_poll < POLL_INTERVAL_SECONDS / 100
        assert len(stage.delivered) == stage.produced == EVENTS_PER_SECOND * HOUR
        for accepted in stage.api.accepted.values():
            assert accepted == sorted(accepted, key=int)
        assert stage.api.overlaps == 0

    in_virtual_time(scenario())


def test_age_grows_evenly() -> None:
    """No session and no partition falls behind the others, and no event far behind the rest."""

    async def scenario() -> None:
        stage = OverloadedStage(overloaded())
        async with running(stage):
            await stage.feed(SESSIONS, EVENTS_PER_SECOND, HOUR)
            seen = [each for each in stage.delivered if each.at >= 2 * WINDOW_SECONDS]
            stage.worker.pipeline.stop()
        medians = []
        for window in windows(seen):
            ages = [each.age_seconds for each in window]
            medians.append(median(ages))
            assert max(ages) < 1.4 * median(ages)
            # A session has few calls in a window, during which all ages grow.
            assert max(mean_ages(window, "session_id")) < 1.3 * min(mean_ages(window, "session_id"))
            assert max(mean_ages(window, "partition")) < 1.2 * min(mean_ages(window, "partition"))
        assert medians == sorted(medians)

    in_virtual_time(scenario())


@ORDERS
def test_offsets_to_commit_move_on_all_the_time(order: Order) -> None:
    """And a crash would repeat no more than three times what may be unsettled."""

    async def scenario() -> None:
        stage = OverloadedStage(overloaded(order))
        async with running(stage):
            feeding = asyncio.create_task(stage.feed(SESSIONS, EVENTS_PER_SECOND, HOUR))
            committed = 0
            while not feeding.done():
                await asyncio.sleep(2 * WINDOW_SECONDS)
                before, committed = committed, sum(stage.topic.committed.values())
                assert committed > before
                assert len(stage.delivered) - committed <= 3 * MAX_UNSETTLED
            stage.worker.pipeline.stop()

    in_virtual_time(scenario())


def latencies_of_the_fresh(order: Order, max_age_seconds: float | None = None) -> list[float]:
    """A backlog for half an hour is in memory; meanwhile one session after another begins and goes."""

    async def scenario() -> list[float]:
        stage = OverloadedStage(overloaded(order, max_age_seconds))
        for n in range(MAX_UNSETTLED * 3 // 4):
            stage.produce(f"old{n % 300}")
        async with running(stage):
            for n in range(150):
                stage.produce(f"fresh{n}", partition=1)
                await asyncio.sleep(4)
            await stage.at_rest(4 * HOUR)
        assert len(stage.delivered) + len(stage.dead_letters.letters) == stage.produced
        return [each.age_seconds for each in stage.delivered if each.session_id.startswith("fresh")]

    return in_virtual_time(scenario())


def test_under_freshest_first_what_is_fresh_goes_at_once() -> None:
    fresh = latencies_of_the_fresh("freshest_first")
    assert len(fresh) == 150
    assert median(fresh) < 5
    assert median(latencies_of_the_fresh("oldest_first")) > 100


def test_freshest_first_with_a_limit_of_age_keeps_up_for_ever() -> None:
    """Three times what the quota carries: what is sent is fresh, and what is left over is put aside."""

    async def scenario() -> None:
        stage = OverloadedStage(overloaded("freshest_first", max_age_seconds=100))
        async with running(stage):
            await stage.feed(SESSIONS, EVENTS_PER_SECOND, HOUR)
            assert stage.source.pauses <= 1
            await stage.at_rest(HOUR)
        assert len(stage.delivered) + len(stage.dead_letters.letters) == stage.produced
        assert max(each.age_seconds for each in stage.delivered) <= 101
        assert median(each.age_seconds for each in stage.delivered) < 20
        assert fmean(stage.calls_of) > 7
        for accepted in stage.api.accepted.values():
            assert accepted == sorted(accepted, key=int)

    in_virtual_time(scenario())
