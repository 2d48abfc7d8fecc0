"""Adapts this pod's rate: the part of the quota that it uses now, which is its share times a level.

Pods do not communicate, so each finds its level from what the API answers:

- At level 1 a pod uses its share. While it has more to send than that and nothing is throttled, it tries
  more: at first very little, and each round twice as much. What others leave is borrowed, up to the whole
  quota. A level above 1 counts only while it is used.
- Throttles show by how much the rate was too high. The level falls by that, to just below what the API
  accepted, and rests there before a higher rate is tried. If the same ceiling is found again, the rest gets
  longer, so that a limit which stays where it is costs little.
- A pod that has borrowed, or was just trying more, steps down at once. A pod within its share first waits
  whether others do. So a pod that becomes active gets its share back, and only a stranger on the quota costs
  all of them.
- Whatever the cause, a part of the share remains: the lower the level, the more throttles are tolerated.
"""

from __future__ import annotations

from math import inf

# A round ends with a verdict. Some limits are counted by the second, and within less than that, all calls or
# none may be throttled. Among fewer answers than these, one throttle may be chance.
_ROUND_SECONDS = 1.0
_ROUND_ANSWERS = 30
_LONGEST_ROUND_SECONDS = 5.0
# The level rests this little below the ceiling, so that the API's bucket does not run empty.
_MARGIN = 0.02
_LOWEST_LEVEL = 0.02
_DEEPEST_CUT = 0.1
# Pods of one group, none of which sends more than the quota, cause one another fewer throttles than this.
_FLOOD = 0.5
# Rests, in rounds. The longest is shorter below the share, where a pod asks for what is its own.
_FIRST_REST = 2.0
_LONGER = 3.0
_LONGEST_REST = 20.0
_LONGEST_REST_BELOW = 4.0
_SAME_CEILING = 0.1
# What is tried after a rest: at first this part of the share, then this many times as much each round. The
# growth is slower after a ceiling was found twice, because it is likely to be there still.
_FIRST_STEP = 0.01
_GROWTH = 2.0
_CAREFUL_GROWTH = 1.5
_FULLY_GROWN_ROUNDS = 20.0
# A pod that uses less than this part of the rate is not limited by it, and keeps this multiple of what it
# uses.
_HELD_BACK = 0.9
_KEPT = 1.25
# Quiet rounds until the pod waits for others again.
_PATIENCE_ROUNDS = 5
# Below this level some throttles are tolerated, up to this part of the calls, and more the lower the level
# is. They may have nothing to do with the rate, and must not bring a pod to a stop.
_LITTLE = 0.5
_PUT_UP_WITH = 0.2


class AdaptiveRate:
    """Sets the rate, round by round. Times are seconds of the caller's clock.

    Args:
        calls_per_second: the whole quota. The rate begins at level 1, but without a share of the quota.
    """

    def __init__(self, calls_per_second: float) -> None:
        self._quota = calls_per_second
        self.share = 0.0
        self.level = 1.0
        # The last ceiling; the level at which it rests or from which it rises; rounds since then, and rounds
        # to rest.
        self._ceiling = self._base = 1.0
        self._rounds = self._rest = _FIRST_REST
        self._quiet_rounds = _PATIENCE_ROUNDS
        self._cut_at = -inf
        self._begin(0.0)

    @property
    def rate(self) -> float:
        """Calls a second that may go now."""
        return self._quota * self.share * self.level

    @property
    def own(self) -> float:
        """Calls a second that this pod's share amounts to."""
        return self._quota * self.share

    @property
    def borrowed(self) -> float:
        """Calls a second above this pod's share."""
        return self._quota * self.share * max(0.0, self.level - 1)

    def set_share(self, share: float, now: float) -> None:
        """Set the share (0 to 1) of the quota.

        The rate stays, even above the new share: the new owner of a revoked partition needs seconds until it
        sends, and when it does, a throttle shows it.
        """
        if self.level >= 1 and share:
            self.level = max(1.0, self.level * self.share / share)
        self.share = share
        self.level = self._base = min(self.level, self._highest_level())
        self._rounds = min(self._rounds, self._rest)
        self._begin(now)

    def want(self) -> None:
        """Note that a call waits for nothing but the rate."""
        self._is_wanted = True

    def sent(self, now: float) -> None:
        """Note that a call goes."""
        if not self._throttles and self._is_over(now):
            self._end_quiet(now)
        self._sent += 1

    def answered(self, sent_at: float, now: float, *, throttled: bool) -> bool:
        """Note that the API accepted or throttled a call; return True if that lowers the rate.

        Calls from before the last step down show nothing new.
        """
        if sent_at <= self._cut_at:
            return False
        if throttled and not self._throttles:
            # Only from here on is the API known to be full: until now it may have been spending saved-up
            # tokens.
            self._begin(now)
        self._answers += 1
        self._throttles += throttled
        if not self._is_over(now):
            return False
        if self._throttles:
            return self._end_throttled(now)
        self._end_quiet(now)
        return False

    def _begin(self, now: float) -> None:
        self._began_at = now
        self._sent = self._answers = self._throttles = 0
        self._is_wanted = False

    def _is_over(self, now: float) -> bool:
        seconds = now - self._began_at
        answered = self._answers >= _ROUND_ANSWERS or seconds >= self._round_seconds()
        return seconds >= _ROUND_SECONDS and answered

    def _round_seconds(self) -> float:
        """Return how long a round takes at this share; a low level must not prolong it and the recovery."""
        own = self._quota * self.share
        if own * _LONGEST_ROUND_SECONDS <= _ROUND_ANSWERS:
            return _LONGEST_ROUND_SECONDS
        return max(_ROUND_SECONDS, _ROUND_ANSWERS / own)

    def _end_quiet(self, now: float) -> None:
        self._quiet_rounds += 1
        self._rise(now, self._highest_level())

    def _end_throttled(self, now: float) -> bool:
        """Return True if the rate was lowered."""
        if self._throttles - 1 <= self._answers * _PUT_UP_WITH * (1 - self.level / _LITTLE):
            self._rise(now, _LITTLE)
            return False
        part = self._throttles / self._answers
        is_ours = self.level > 1 or self._rounds > self._rest
        if self._quiet_rounds >= _PATIENCE_ROUNDS and not is_ours and part < _FLOOD:
            self._quiet_rounds = 0
            self._begin(now)
            return False
        self._step_down(part, now)
        return True

    def _rise(self, now: float, highest: float) -> None:
        """Raise the level after a round that gave no reason to step down."""
        seconds = now - self._began_at
        rounds = seconds / self._round_seconds()
        if self._is_wanted and self._answers and self._sent + 1 >= _HELD_BACK * self.rate * seconds:
            self._rounds += rounds
            self._try_more(highest)
        elif self.level < 1:
            self._rounds = max(self._rounds, self._rest) + rounds
            self._try_more(1.0)
        else:
            used = self._sent / seconds / (self._quota * self.share) if self.share else 0.0
            self.level = self._base = max(1.0, min(self.level, _KEPT * used))
            self._rounds = self._rest
        self._begin(now)

    def _try_more(self, highest: float) -> None:
        rounds = min(self._rounds - self._rest, _FULLY_GROWN_ROUNDS)
        if rounds > 0:
            growth = _GROWTH if self._rest == _FIRST_REST else _CAREFUL_GROWTH
            more = _FIRST_STEP * (growth**rounds - 1) / (growth - 1)
            self.level = min(max(self.level, self._base + more), highest)

    def _highest_level(self) -> float:
        """Return the level at which the pod uses the whole quota."""
        return 1 / self.share if self.share else 1.0

    def _step_down(self, throttled: float, now: float) -> None:
        """Step down to just below the ceiling that this part of the calls exceeded."""
        if self.level > 1:
            # The others may be within their shares, so all of the excess is ours.
            ceiling = max(1.0, self.level * (1 - min(1.0, throttled / (1 - min(throttled, _FLOOD)))))
        else:
            ceiling = self.level * max(1 - throttled, _DEEPEST_CUT)
        is_same = throttled < _FLOOD and abs(ceiling / self._ceiling - 1) < _SAME_CEILING
        longest = _LONGEST_REST if ceiling > 1 - _SAME_CEILING else _LONGEST_REST_BELOW
        self._rest = min(_LONGER * self._rest, longest) if is_same else _FIRST_REST
        self._ceiling = ceiling
        self.level = self._base = max(_LOWEST_LEVEL, ceiling * (1 - _MARGIN))
        self._rounds = 0.0
        self._cut_at = now
        self._begin(now)
