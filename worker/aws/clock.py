"""Measures how far our clock is off, by comparing it with the Date header of the API's answers.

The API rejects any signature that is more than five minutes away from its own time. The worker reports how
far its clock is off, and signs with that clock all the same. botocore does the same when it asks for keys,
and the expiry of keys is judged by the same clock. Setting the clock right fixes all of it.

The hot path only compares bytes, because a Date changes once a second. It is parsed now and then, and when
somebody asks.
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

# A tenth of the tolerance for a signature: worth reporting, and more than network jitter can cause.
SAID_FROM_SECONDS: Final = 30.0
_LOOK_EVERY_SECONDS: Final = 5.0
# A Date has no fraction, so on average half a second of it has already passed.
_HALF_A_SECOND: Final = 0.5


class ApiClock:
    """Compares our clock with the Date header of every answer.

    Args:
        epoch: the clock to check, in epoch seconds.
        monotonic: a clock that never jumps.
    """

    def __init__(
        self, epoch: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._epoch = epoch
        self._monotonic = monotonic
        self._date = b""
        self._observed_at = self._observed_monotonic = 0.0
        self._look_at = 0.0
        self._log_throttle = LogThrottle()

    def observe(self, date: bytes) -> None:
        """Take the Date header of an answer that has just arrived."""
        if date == self._date:
            return
        self._date, self._observed_at = date, self._epoch()
        self._observed_monotonic = now = self._monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY_SECONDS
            self._log_offset(now)

    def ahead_seconds(self) -> float | None:
        """Return how far our clock is ahead of the API's, to about a second; None before the first answer.

        A correction of the clock shows at once, because with nothing to send there may be no answer for
        hours. A new error shows only with the next answer, because a host that was suspended looks the same
        until then.
        """
        try:
            told = parsedate_to_datetime(self._date.decode("latin-1")).timestamp() if self._date else None
        except (ValueError, TypeError, OverflowError, IndexError, OSError):
            # The standard library's parser has raised each of these on malformed input.
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
            advice = "set it right: AWS rejects signatures that are five minutes off"
            log.warning(
                "clock.off", ahead_seconds=round(ahead), says=clock_is_off(ahead), advice=advice, times=times
            )
