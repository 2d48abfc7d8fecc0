"""The rate of a replay, which runs in the background: live traffic has priority.

Live workers share the quota, and find their level by the same throttles. Whoever cuts deeper and rises more
slowly is left the smaller part. So this rate is cut to a quarter where a live worker cuts to four fifths,
then it stops for a second, and it rises a tenth as fast. It begins at a tenth of the full rate: most calls
are live ones, so most throttles that a replay causes hit those, and it should find its limit gently. Calls go
one by one, never in a burst.
"""

from __future__ import annotations

from math import inf
from typing import Final

_BEGIN: Final = 0.1
_CUT: Final = 0.25
_FLOOR: Final = 0.01
_STILL_SECONDS: Final = 1.0
_RAISE_PER_SECOND: Final = 0.005


class BackgroundRate:
    """Decides when a call may go; the caller waits. Times are seconds of the caller's clock.

    Args:
        calls_per_second: the full rate. It rises to this, from the first call on.
    """

    def __init__(self, calls_per_second: float) -> None:
        self._full_rate = calls_per_second
        # The level at ``_level_at``, as a part of the full rate.
        self._level, self._level_at = _BEGIN, inf
        self._cut_at = self._next_at = -inf

    def rate(self, now: float) -> float:
        """Return the calls a second that may go now."""
        return self._full_rate * self._risen(now)

    def opens_at(self, now: float) -> float:
        """Return when the next call may go."""
        return max(now, self._next_at)

    def enter(self, now: float) -> None:
        """Note that a call goes; ask ``opens_at`` first."""
        self._level_at = min(self._level_at, now)
        self._next_at = now + 1 / self.rate(now)

    def throttled(self, sent_at: float, now: float) -> None:
        """Note that the API throttled a call; a call sent before the last cut shows nothing new."""
        if sent_at <= self._cut_at:
            return
        self._level = max(_FLOOR, self._risen(now) * _CUT)
        self._cut_at = self._level_at = now
        self._next_at = now + max(_STILL_SECONDS, 1 / self.rate(now))

    def _risen(self, now: float) -> float:
        return min(1.0, self._level + _RAISE_PER_SECOND * max(0.0, now - self._level_at))
