"""Detects degraded sending: calls throttled below this pod's share, or many calls failing.

This does not make the worker unready, because records are delivered. But it is reported: since when, and what
to do about it. If nothing is accepted at all, ``outage`` reports that.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

import structlog

from worker.core.flow_control.advice import advise_unreached
from worker.core.log_throttle import LogThrottle

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.flow_control.rate_limiter import RateLimiter
    from worker.core.flow_control.recent_calls import RecentCalls

log = structlog.get_logger(__name__)

# Ratios to this pod's share. Just below its share a rate fluctuates, as when a pod joins.
_THROTTLED_BELOW: Final = 0.9
_FREE_FROM: Final = 0.95
# Even at the slowest rate a higher one is tried this often, so after this long without a throttle, throttling
# may be over.
_THROTTLES_LAST_SECONDS: Final = 120.0
# With nothing to send, no higher rate is tried.
_IDLE_SECONDS: Final = 30.0
# Ratios of calls. With fewer calls than these, failures are chance, or belong to a few sessions.
_MANY: Final = 0.2
_FEW: Final = 0.1
_ENOUGH_CALLS: Final = 10
# A short episode needs nobody's attention.
_SAID_AFTER_SECONDS: Final = 10.0

_THROTTLED: Final = "throttled"
_FAILING: Final = "failing"


class DegradationMonitor:
    """Tracks since when too few calls come through. Times are seconds of the loop's clock.

    Args:
        limiter: whose rate is compared with this pod's share.
        recent: the results of recent calls.
        is_wanted: whether there is anything to send.
    """

    def __init__(self, limiter: RateLimiter, recent: RecentCalls, is_wanted: Callable[[], bool]) -> None:
        self._limiter = limiter
        self._recent = recent
        self._is_wanted = is_wanted
        self._log_throttle = LogThrottle()
        self._throttled_at = -inf
        self._throttled_since: float | None = None
        self._failing_since: float | None = None

    def throttled(self, now: float) -> None:
        """Note that a call was throttled."""
        self._throttled_at = now
        if self._throttled_since is None and self._is_below(_THROTTLED_BELOW):
            self._throttled_since = now

    def look(self, now: float, *, is_on: bool) -> bool:
        """Log what lasts, begins or is over; return True while there is something to check again.

        Args:
            now: the time.
            is_on: whether there is an outage: nothing is accepted at all, which is the more important
                message.
        """
        self._look_at_failures(now)
        if self._throttled_since is not None and not self._is_still_throttled(now):
            self._end(_THROTTLED, "calls.unthrottled", now)
            self._throttled_since = None
        if not is_on:
            self._say(now)
        recent = self._recent
        return self._throttled_since is not None or recent.failed_part(now) + recent.throttled_part(now) > 0

    def throttled_seconds(self, now: float) -> float | None:
        """Return for how long the API has let this pod send less than its share; None while it does not."""
        since = self._throttled_since
        if since is None or now - since < _SAID_AFTER_SECONDS or not self._is_still_throttled(now):
            return None
        return now - since

    def failing_seconds(self, now: float) -> float | None:
        """Return for how long many calls have failed; None while they do not."""
        since = self._failing_since
        return None if since is None or now - since < _SAID_AFTER_SECONDS else now - since

    def why_throttled(self, now: float) -> str | None:
        """Describe the throttling; None while there is none."""
        seconds = self.throttled_seconds(now)
        if seconds is None:
            return None
        rates = f"{_rate(self._limiter.rate)} of {_rate(self._limiter.own_rate)} calls/s"
        part = f"{self._recent.throttled_part(now):.0%} of calls throttled"
        return f"throttled to {rates} for {seconds:.0f} s, {part}; {advise_unreached('', throttled=True)}"

    def why_failing(self, now: float) -> str | None:
        """Describe the failing calls; None while there are few."""
        seconds = self.failing_seconds(now)
        if seconds is None:
            return None
        code = self._recent.most_failed_code(now)
        part = self._recent.failed_part(now)
        return f"{part:.0%} of calls fail for {seconds:.0f} s, most with {code}; {advise_unreached(code)}"

    def _look_at_failures(self, now: float) -> None:
        part, is_enough = self._recent.failed_part(now), self._recent.count(now) >= _ENOUGH_CALLS
        if self._failing_since is None:
            if is_enough and part >= _MANY:
                self._failing_since = now
        elif part < _FEW or not is_enough:
            self._end(_FAILING, "calls.failing_no_more", now)
            self._failing_since = None

    def _say(self, now: float) -> None:
        recent = self._recent
        seconds = self.throttled_seconds(now)
        if seconds is not None and (times := self._log_throttle.note(_THROTTLED, now)):
            log.warning(
                "calls.throttled",
                rate=round(self._limiter.rate, 1),
                share=round(self._limiter.own_rate, 1),
                throttled_part=round(recent.throttled_part(now), 2),
                seconds=round(seconds, 1),
                times=times,
                advice=advise_unreached("", throttled=True),
            )
        seconds, code = self.failing_seconds(now), recent.most_failed_code(now)
        if seconds is not None and (times := self._log_throttle.note(_FAILING, now, code)):
            log.warning(
                "calls.many_fail",
                code=code,
                failed_part=round(recent.failed_part(now), 2),
                seconds=round(seconds, 1),
                times=times,
                advice=advise_unreached(code),
            )

    def _end(self, key: str, event: str, now: float) -> None:
        # None: it was too short to be logged.
        if (seconds := self._log_throttle.ended(key, now)) is not None:
            log.info(event, seconds=round(seconds, 1))

    def _is_below(self, part: float) -> bool:
        return self._limiter.rate < part * self._limiter.own_rate

    def _is_still_throttled(self, now: float) -> bool:
        lasts = _THROTTLES_LAST_SECONDS if self._is_wanted() else _IDLE_SECONDS
        return self._is_below(_FREE_FROM) and now - self._throttled_at < lasts


def _rate(calls_per_second: float) -> str:
    return f"{calls_per_second:,.0f}" if calls_per_second >= 10 else f"{calls_per_second:.1f}"  # noqa: PLR2004  below it a tenth counts
