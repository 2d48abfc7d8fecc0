from __future__ import annotations

import asyncio
import threading

import pytest

from worker.delivery.aws.daemon_thread import in_daemon_thread


async def test_it_gives_what_the_work_returned_from_another_thread() -> None:
    assert await in_daemon_thread(threading.get_ident) != threading.get_ident()


async def test_it_raises_what_the_work_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_daemon_thread(lambda: 1 // 0)


def test_the_loop_ends_without_waiting_for_work_that_hangs() -> None:
    let_go = threading.Event()
    ended = threading.Event()

    def work() -> None:
        let_go.wait()
        ended.set()

    async def give_up() -> None:
        task = asyncio.ensure_future(in_daemon_thread(work))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    assert not ended.is_set()
    let_go.set()
    assert ended.wait(5)
