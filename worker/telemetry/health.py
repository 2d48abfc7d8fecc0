"""Measures how late the event loop is: a busy or blocked loop answers probes late, like everything else."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

INTERVAL_SECONDS = 1.0
# One minute, so that a probe that failed recently finds its cause here.
SAMPLES = 60


class LoopLag:
    """Is called by the loop every second, and records how late each call was."""

    def __init__(self) -> None:
        self._lags: deque[float] = deque([0.0], maxlen=SAMPLES)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_watching(self) -> bool:
        """Whether it has been started."""
        return self._timer is not None

    @property
    def last_seconds(self) -> float:
        """How late the last call was."""
        return self._lags[-1]

    @property
    def worst_seconds(self) -> float:
        """The longest delay of about the last minute."""
        return max(self._lags)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start watching ``loop``."""
        due = loop.time() + INTERVAL_SECONDS
        self._timer = loop.call_at(due, self._called, loop, due)

    def stop(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()

    def _called(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._lags.append(max(0.0, loop.time() - due))
        self.start(loop)
