"""Waits until something happens or a time is reached, without lost wake-ups.

Use it like a condition variable: check, and when there is nothing to do, wait and check again. On one event
loop nothing can happen between the check and the wait.
"""

from __future__ import annotations

import asyncio
from math import inf


class Wakeup:
    """Wakes everybody who waits."""

    def __init__(self) -> None:
        # In order of arrival, so that every run of a test is the same.
        self._waiting: dict[asyncio.Future[None], None] = {}

    def wake(self) -> None:
        """Wake all who wait, because something happened: they check again."""
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
