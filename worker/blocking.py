"""Runs blocking work outside the event loop, in a thread that does not delay the exit of the process.

``asyncio.to_thread`` does not fit: its executor is joined when the loop ends, and a token service that does
not answer would then keep the process from ending.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

NO_THREAD: Final = (
    "no further thread can be started: raise the limit of processes (pids) or of memory of this container"
)
"""What to say when the system refuses one."""

P = ParamSpec("P")
T = TypeVar("T")


class RunBlocking(Protocol):
    """``run_blocking``, or a substitute for it in tests."""

    async def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Make the call; return its result or raise its exception."""


async def run_blocking(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Make a blocking call in its own daemon thread; return its result or raise its exception.

    When cancelled, it returns at once and drops the thread's result.

    Raises:
        OSError: there may be no further thread, because of a limit of processes or of memory. Whoever calls
            out is prepared for that, and tries again.
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
        # RuntimeError: the loop has been closed, so nobody is waiting any more.
        with suppress(RuntimeError):
            try:
                value = call(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001  it is raised again in the waiting coroutine
                loop.call_soon_threadsafe(set_exception, error)
            else:
                loop.call_soon_threadsafe(set_result, value)

    try:
        threading.Thread(target=run, name="blocking call", daemon=True).start()
    except RuntimeError:
        raise OSError(errno.EAGAIN, NO_THREAD) from None
    return await result
