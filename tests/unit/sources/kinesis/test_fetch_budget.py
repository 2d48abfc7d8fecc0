"""What all shards together fetch ahead is bounded, and nobody waits for ever."""

from __future__ import annotations

import asyncio

from tests.support.virtual_time import in_virtual_time
from worker.sources.kinesis.fetch_budget import FetchBudget


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_read_waits_until_there_is_room_for_it() -> None:
    async def scenario() -> None:
        budget = FetchBudget(100)
        await budget.reserve(60)
        second = asyncio.create_task(budget.reserve(50))
        await _settled()
        assert not second.done()
        budget.give_back(10)
        await second
        assert budget.held_bytes == 100

    in_virtual_time(scenario())


def test_one_read_is_always_allowed_whatever_its_size() -> None:
    async def scenario() -> None:
        budget = FetchBudget(100)
        await budget.reserve(1000)
        assert budget.held_bytes == 1000

    in_virtual_time(scenario())


def test_what_a_read_brought_counts_and_not_what_was_expected() -> None:
    async def scenario() -> None:
        budget = FetchBudget(100)
        await budget.reserve(100)
        second = asyncio.create_task(budget.reserve(50))
        await _settled()
        budget.correct(100, 30)
        await second
        budget.correct(50, 500)
        assert budget.held_bytes == 530

    in_virtual_time(scenario())


def test_a_large_read_is_not_left_waiting_behind_small_ones_that_came_later() -> None:
    async def scenario() -> None:
        budget = FetchBudget(100)
        for _ in range(10):
            await budget.reserve(10)
        large = asyncio.create_task(budget.reserve(90))
        await _settled()
        small = [asyncio.create_task(budget.reserve(10)) for _ in range(20)]
        for _ in range(10):
            budget.give_back(10)
            await _settled()
        assert large.done()
        for each in small:
            each.cancel()

    in_virtual_time(scenario())


def test_a_read_that_is_given_up_while_it_waits_holds_nothing_and_lets_the_next_one_in() -> None:
    async def scenario() -> None:
        budget = FetchBudget(100)
        await budget.reserve(100)
        first, second = (asyncio.create_task(budget.reserve(100)) for _ in range(2))
        await _settled()
        first.cancel()
        budget.give_back(100)
        await second
        assert budget.held_bytes == 100

    in_virtual_time(scenario())
