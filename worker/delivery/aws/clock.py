"""How far our clock is off, by the Date of the API's answers.

The API takes no signature that is more than five minutes from its own time. The worker says how far off its
clock is, and signs with it all the same: botocore does so too when it asks for keys, whose end is told by the
same clock; setting it right mends all of it.

The hot path compares bytes: a Date changes once a second. It is read when somebody asks, and now and then.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import structlog

from worker.core.flow_control.advice import clock_is_off
from worker.core.log_throttle import LogThrottle

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

# A tenth of what a signature is allowed: worth knowing, and no hiccup of the network.
SAID_FROM_SECONDS: Final = 30.0
_LOOK_EVERY_SECONDS: Final = 5.0
# A Date has no fraction: on average half a second of it has passed.
_HALF_A_SECOND: Final = 0.5


class ApiClock:
    """Observes the Date of every answer."""

    def __init__(
        self, epoch: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Know nothing yet; ``epoch`` is the clock in question, ``monotonic`` one that never jumps."""
        self._epoch = epoch
        self._monotonic = monotonic
        self._date = b""
        self._observed_at = self._observed_monotonic = 0.0
        self._look_at = 0.0
        self._log_throttle = LogThrottle()

    def observe(self, date: bytes) -> None:
        """Take the Date of an answer that has just come."""
        if date == self._date:
            return
        self._date, self._observed_at = date, self._epoch()
        self._observed_monotonic = now = self._monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY_SECONDS
            self._log_offset(now)

    def ahead_seconds(self) -> float | None:
        """How far our clock is ahead of the API's, to about a second; None while nobody has said.

        That it was set right shows at once: with nothing to send there may be no answer for hours. That it
        went wrong shows with the next answer only, for a host that was suspended looks the same.
        """
        try:
            told = parsedate_to_datetime(self._date.decode("latin-1")).timestamp() if self._date else None
        except (ValueError, TypeError, OverflowError, IndexError, OSError):
            # The standard library's parser has raised each of these on garbage.
            return None
        if told is None:
            return None
        then = self._observed_at - told - _HALF_A_SECOND
        now = self._epoch() - (self._monotonic() - self._observed_monotonic) - told - _HALF_A_SECOND
        return now if abs(now) < SAID_FROM_SECONDS <= abs(then) else then

    def _log_offset(self, now: float) -> None:
        ahead = self.ahead_seconds()
        if ahead is None:
            return
        if abs(ahead) < SAID_FROM_SECONDS:
            if self._log_throttle.ended("off", now) is not None:
                log.info("clock.right", ahead_seconds=round(ahead))
        elif times := self._log_throttle.note("off", now):
            advice = "set it right: AWS takes no signature that is five minutes off"
            log.warning(
                "clock.off", ahead_seconds=round(ahead), says=clock_is_off(ahead), advice=advice, times=times
            )
