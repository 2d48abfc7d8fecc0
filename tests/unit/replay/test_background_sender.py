"""Calls of a replay wait for their turn in the lane."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from tests.support.builders import interaction
from tests.support.twins import PutEventsTwin
from tests.support.virtual_time import in_virtual_time
from worker.core.flow_control.background_rate import BackgroundRate
from worker.core.model.outcomes import Accepted, Throttled
from worker.core.model.records import Batch
from worker.replay.background_sender import BackgroundSender


def batch(session_id: str) -> Batch:
    return Batch(session_id, None, (interaction(session_id),))


def test_calls_go_in_the_order_they_came_at_the_lane_s_rate() -> None:
    async def scenario() -> None:
        api, loop = PutEventsTwin(seconds=0.5), asyncio.get_running_loop()
        giving_way = BackgroundSender(api, BackgroundRate(10), loop.time)
        await asyncio.gather(*(giving_way.put(batch(str(number))) for number in range(5)))
        times = [at for at, _, _ in api.calls]
        assert [sent.session_id for _, sent, _ in api.calls] == ["0", "1", "2", "3", "4"]
        assert all(0.8 < later - earlier <= 1.001 for earlier, later in pairwise(times))

    in_virtual_time(scenario())


def test_after_a_throttle_those_that_wait_stand_still() -> None:
    async def scenario() -> None:
        api, loop = PutEventsTwin(lambda _: Throttled("ThrottlingException")), asyncio.get_running_loop()
        giving_way = BackgroundSender(api, BackgroundRate(1000), loop.time)
        await giving_way.put(batch("first"))
        api.answer = lambda _: Accepted()
        throttled_at = loop.time()
        await giving_way.put(batch("second"))
        assert loop.time() - throttled_at >= 1

    in_virtual_time(scenario())


def test_one_that_is_cancelled_while_it_waits_stops_no_other() -> None:
    async def scenario() -> None:
        api = PutEventsTwin()
        giving_way = BackgroundSender(api, BackgroundRate(1), asyncio.get_running_loop().time)
        await giving_way.put(batch("first"))
        cancelled = asyncio.create_task(giving_way.put(batch("cancelled")))
        await asyncio.sleep(1)
        cancelled.cancel()
        await giving_way.put(batch("last"))
        assert [sent.session_id for _, sent, _ in api.calls] == ["first", "last"]

    in_virtual_time(scenario())
