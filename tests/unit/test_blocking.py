"""A call that blocks runs beside the loop, and cannot keep the process from ending."""

from __future__ import annotations

import asyncio
import threading

import pytest

from worker.blocking import run_blocking
from worker.http.happy_eyeballs import HappyEyeballs


async def test_it_returns_what_the_call_returned_in_another_thread() -> None:
    assert await run_blocking(threading.get_ident) != threading.get_ident()


async def test_it_passes_the_arguments_on() -> None:
    assert await run_blocking(sorted, [1, 2], reverse=True) == [2, 1]


async def test_it_raises_what_the_call_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await run_blocking(lambda: 1 // 0)


async def test_where_there_may_be_no_further_thread_it_fails_as_a_call_out_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not with Python's RuntimeError, which would end the worker where a name is looked up for a call."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(BlockingIOError, match="limit of processes"):
        await run_blocking(threading.get_ident)
    with pytest.raises(BlockingIOError):
        await HappyEyeballs("localhost", 9).connect()


def test_the_loop_ends_without_waiting_for_a_call_that_hangs() -> None:
    let_go = threading.Event()
    ended = threading.Event()

    def hang() -> None:
        let_go.wait()
        ended.set()

    async def give_up() -> None:
        task = asyncio.ensure_future(run_blocking(hang))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    assert not ended.is_set()
    let_go.set()
    assert ended.wait(5)
