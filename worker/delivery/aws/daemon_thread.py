"""Runs blocking work outside the event loop, in a thread that does not delay the exit of the process.

``asyncio.to_thread`` does not fit: its executor is joined when the loop ends, and a token service that does
not answer would then keep the process from ending.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """Run ``work`` in its own thread; return its result or raise its exception.

    When cancelled, it returns at once and drops the thread's result.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def give(value: T) -> None:
        if not result.done():
            result.set_result(value)

    def fail(error: BaseException) -> None:
        if not result.done():
            result.set_exception(error)

    def run() -> None:
        # RuntimeError: the loop has been closed, so nobody is waiting any more.
        with suppress(RuntimeError):
            try:
                value = work()
            except BaseException as error:  # noqa: BLE001  it is raised again in the waiting coroutine
                loop.call_soon_threadsafe(fail, error)
            else:
                loop.call_soon_threadsafe(give, value)

    threading.Thread(target=run, name="worker-aws", daemon=True).start()
    return await result
