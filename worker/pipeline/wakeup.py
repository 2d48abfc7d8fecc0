"""Waiting until something happened or a time has come, without a lost wake-up.

Used like a condition variable: look, and when there is nothing to do, wait and look again. On one event loop
nothing can happen between the look and the wait.
"""

from __future__ import annotations

import asyncio
from math import inf


class Wakeup:
    """Wakes everybody who waits."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        # In the order in which they came, so that every run of a test is the same.
        self._waiting: dict[asyncio.Future[None], None] = {}

    def wake(self) -> None:
        """Something happened: all who wait look again."""
        waiting, self._waiting = self._waiting, {}
        for each in waiting:
            _finish(each)

    async def wait(self, until: float = inf) -> None:
        """Return after the next ``wake``, or at ``until`` (of the loop's clock), whichever comes first."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        self._waiting[woken] = None
        timer = loop.call_at(until, _finish, woken) if until != inf else None
        try:
            await woken
        finally:
            self._waiting.pop(woken, None)
            if timer is not None:
                timer.cancel()


def _finish(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
