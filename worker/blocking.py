"""Blocking work beside the loop, in a thread that nobody waits for at the end.

``asyncio.to_thread`` would: its executor is joined when the loop ends, and a token service that does not
answer would then keep the process from ending.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class RunBlocking(Protocol):
    """``run_blocking``, or what stands in for it in tests."""

    async def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Make the call; return or raise what it did."""


async def run_blocking(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Make a call that blocks in a daemon thread of its own; return or raise what it did.

    Cancelled, it returns at once and the thread's result is dropped.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def set_result(value: T) -> None:
        if not result.done():
            result.set_result(value)

    def set_exception(error: BaseException) -> None:
        if not result.done():
            result.set_exception(error)

    def run() -> None:
        # RuntimeError: the loop was closed meanwhile, so nobody waits any more.
        with suppress(RuntimeError):
            try:
                value = call(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001  it is raised again in who waits
                loop.call_soon_threadsafe(set_exception, error)
            else:
                loop.call_soon_threadsafe(set_result, value)

    threading.Thread(target=run, name="blocking call", daemon=True).start()
    return await result
