"""The rate limiter: a token bucket at this pod's adaptive rate, and a bound on the calls in flight."""

from __future__ import annotations

from math import inf
from typing import Final

from worker.core.flow_control.adaptive_rate import AdaptiveRate

# How much may go at once after a pause, in seconds of the rate: enough to make up for a late timer, too
# little to be throttled.
_BURST_SECONDS: Final = 0.05


class RateLimiter:
    """Decides when the next call may go; the caller waits. Times are seconds of the caller's clock.

    It begins closed: a pod without partitions has no share of the quota.

    Args:
        calls_per_second: the whole quota.
        max_in_flight: how many calls may be in flight at once.
    """

    def __init__(self, calls_per_second: float, max_in_flight: int) -> None:
        self._max_in_flight = max_in_flight
        self._adaptive_rate = AdaptiveRate(calls_per_second)
        self.in_flight = 0
        self._tokens = 0.0
        self._counted_at = 0.0

    @property
    def rate(self) -> float:
        """Calls a second that may go now."""
        return self._adaptive_rate.rate

    @property
    def own_rate(self) -> float:
        """Calls a second that this pod's share of the quota amounts to."""
        return self._adaptive_rate.own

    @property
    def borrowed(self) -> float:
        """The part of the rate above this pod's share."""
        return self._adaptive_rate.borrowed

    @property
    def share(self) -> float:
        """This pod's share of the quota, 0 to 1."""
        return self._adaptive_rate.share

    @property
    def is_blocked(self) -> bool:
        """Whether no call may go, whatever the time: too many are in flight, or there is no share."""
        return self.in_flight >= self._max_in_flight or self.rate <= 0

    def set_share(self, share: float, now: float) -> None:
        """Use this share (0 to 1) of the quota from now on."""
        self._refill(now)
        self._adaptive_rate.set_share(share, now)
        self._tokens = min(self._tokens, self._most_tokens(self.rate))

    def opens_at(self, now: float) -> float:
        """Return when the next call may go, as known now; ``inf``: not before something else happens."""
        if self.is_blocked:
            return inf
        self._refill(now)
        if self._tokens >= 1:
            return now
        self._adaptive_rate.want()
        return now + (1 - self._tokens) / self.rate

    def admitted(self, now: float) -> None:
        """Note that a call goes."""
        self._refill(now)
        self._tokens -= 1
        self._adaptive_rate.sent(now)
        self.in_flight += 1

    def released(self) -> None:
        """Note that a call is over."""
        self.in_flight -= 1

    def answered(self, sent_at: float, now: float, *, throttled: bool) -> None:
        """Note that the API accepted or throttled the call."""
        self._refill(now)
        if self._adaptive_rate.answered(sent_at, now, throttled=throttled):
            self._tokens = min(self._tokens, 0.0)

    def _refill(self, now: float) -> None:
        """Refill the bucket up to now."""
        # Called several times for each call, mostly at the same time of the loop's clock.
        if now <= self._counted_at:
            return
        rate = self.rate
        self._tokens = min(self._most_tokens(rate), self._tokens + rate * (now - self._counted_at))
        self._counted_at = now

    @staticmethod
    def _most_tokens(rate: float) -> float:
        """At least one token fits, because otherwise a small share would never send."""
        return max(1.0, rate * _BURST_SECONDS)
