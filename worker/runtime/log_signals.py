"""SIGUSR1 shows the log from debug on, for a bounded time; SIGUSR2 ends that.

So a running worker can be looked at without a restart, which would hand its partitions to others, and nobody
has to remember to turn it off. A further SIGUSR1 begins the time anew.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from worker.telemetry.log_levels import LogLevels

log = structlog.get_logger(__name__)


class LogSignals:
    """Changes the levels when the process is told to.

    Args:
        levels: those that the log filters by.
        debug_seconds: how long debug stays on.
    """

    def __init__(self, levels: LogLevels, debug_seconds: float) -> None:
        self._levels = levels
        self._seconds = debug_seconds
        self._end: asyncio.TimerHandle | None = None

    def install(self) -> None:
        """Listen on the running loop."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self.show_debug)
        loop.add_signal_handler(signal.SIGUSR2, self.restore)

    def show_debug(self) -> None:
        """Show everything from debug on, from now for the whole time."""
        if self._end is not None:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(self._seconds, self.restore)
        self._levels.raise_to("debug")
        log.info("log.debug_shown", seconds=self._seconds)

    def restore(self) -> None:
        """Show what is configured again; nothing to do if that is shown."""
        if self._end is None:
            return
        self._end.cancel()
        self._end = None
        # Before the level may hide it.
        log.info("log.debug_ended")
        self._levels.restore()
