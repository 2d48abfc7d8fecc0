"""How late the loop is: a loop that is busy or blocked answers probes late, and everything else too."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

INTERVAL_SECONDS = 1.0
# One minute: a probe that failed lately should find its cause here.
SAMPLES = 60


class LoopLag:
    """Has the loop call it every second, and notes how much too late it did."""

    def __init__(self) -> None:
        """Watch once started."""
        self._lags: deque[float] = deque([0.0], maxlen=SAMPLES)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_watching(self) -> bool:
        """Whether it was started."""
        return self._timer is not None

    @property
    def last_seconds(self) -> float:
        """How late the last call came."""
        return self._lags[-1]

    @property
    def worst_seconds(self) -> float:
        """How late the latest call of about the last minute came."""
        return max(self._lags)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to watch ``loop``."""
        due = loop.time() + INTERVAL_SECONDS
        self._timer = loop.call_at(due, self._called, loop, due)

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()

    def _called(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._lags.append(max(0.0, loop.time() - due))
        self.start(loop)
