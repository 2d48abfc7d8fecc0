"""When the next call may go.

Three things decide: a token bucket at this pod's pace, its share of the quota more or less; a bound on calls
in flight; and the hold.

While held nothing goes but one probe at a time, at growing intervals; an accepted probe ends the hold.
"""

from __future__ import annotations

from math import inf

from msgspec import Struct

from worker.core.flow_control.adaptive_rate import AdaptiveRate
from worker.core.flow_control.advice import advise

# What may go at once after a pause, in seconds of the rate: enough to make up for a late timer, too little
# to be throttled for.
_BURST_SECONDS = 0.05
_FIRST_PROBE_SECONDS = 1.0
_MAX_PROBE_SECONDS = 30.0

# The hold that the gate knows nothing of: it keeps records that cannot be mapped, and lets calls go.
UNMAPPABLE = "unmappable"
# Every kind of hold, and whether a call can find out that it is over. A dead letter that was written ends
# one of the others, a record that was mapped the other.
PROBED = {"misconfigured": True, "refusals": True, "dead_letters": False, UNMAPPABLE: False}


class Hold(Struct, frozen=True):
    """Why nothing is sent: a kind of ``PROBED``, the cause, since when, and what to do about it."""

    kind: str
    reason: str
    since: float
    advice: str


class Gate:
    """Decides; somebody else waits. Times are seconds of the caller's clock."""

    def __init__(self, calls_per_second: float, max_in_flight: int) -> None:
        """Begin closed: without partitions there is no share of the quota."""
        self._max_in_flight = max_in_flight
        self._adaptive_rate = AdaptiveRate(calls_per_second)
        self.in_flight = 0
        self._tokens = 0.0
        self._counted_at = 0.0
        self._holds: dict[str, Hold] = {}
        self._probe_at = inf
        self._probe_seconds = _FIRST_PROBE_SECONDS

    @property
    def rate(self) -> float:
        """Calls a second that may go now."""
        return self._adaptive_rate.rate

    @property
    def own_rate(self) -> float:
        """Calls a second that this pod's share of the quota comes to."""
        return self._adaptive_rate.own

    @property
    def borrowed(self) -> float:
        """What of it is above this pod's share."""
        return self._adaptive_rate.borrowed

    @property
    def share(self) -> float:
        """This pod's part of the quota."""
        return self._adaptive_rate.share

    @property
    def holds(self) -> tuple[Hold, ...]:
        """What holds it, the first to come first."""
        return tuple(self._holds.values())

    @property
    def probe_at(self) -> float:
        """When the next probe may go, while held; ``inf`` while one is under way."""
        return self._probe_at

    def set_share(self, share: float, now: float) -> None:
        """Take over a share (0 to 1) of the quota."""
        self._count(now)
        self._adaptive_rate.set_share(share, now)

    def opens_at(self, now: float) -> float:
        """When the next call may go, as can be told now; ``inf``: not before something else happens."""
        if self.in_flight >= self._max_in_flight or self.rate <= 0:
            return inf
        if self._holds:
            probed = all(PROBED[kind] for kind in self._holds) and self.in_flight == 0
            return self._probe_at if probed else inf
        self._count(now)
        if self._tokens >= 1:
            return now
        self._adaptive_rate.want()
        return now + (1 - self._tokens) / self.rate

    def enter(self, now: float) -> None:
        """A call goes; ask ``opens_at`` first."""
        self._count(now)
        self._tokens -= 1
        self._adaptive_rate.sent(now)
        self.in_flight += 1
        if self._holds:
            self._probe_at = inf

    def leave(self, now: float, *, was_made: bool = True) -> None:
        """A call is over, whatever came of it; while held, the next probe is due an interval later.

        Args:
            now: the time.
            was_made: False: it was not made after all, so the probe is due still.
        """
        self.in_flight -= 1
        if self._holds and self._probe_at == inf and not was_made:
            self._probe_at = now
        elif self._holds and self._probe_at == inf:
            self._probe_at = now + self._probe_seconds
            self._probe_seconds = min(self._probe_seconds * 2, _MAX_PROBE_SECONDS)

    def answered(self, sent_at: float, now: float, *, throttled: bool) -> None:
        """The API took the call, or throttled it."""
        self._count(now)
        if self._adaptive_rate.answered(sent_at, now, throttled=throttled):
            self._tokens = min(self._tokens, 0.0)

    def hold(
        self,
        kind: str,
        reason: str,
        now: float,
        clock_ahead_seconds: float | None = None,
        *,
        keys_from_environment: bool = False,
    ) -> bool:
        """Stop sending; False if it was held for this kind of thing already, then for the latest reason.

        Args:
            kind: of ``PROBED``.
            reason: the cause, in a word or a sentence.
            now: the time.
            clock_ahead_seconds: how far our clock is ahead of the API's, where that may be the cause.
            keys_from_environment: whether other keys take a restart.
        """
        before = self._holds.get(kind)
        if not self._holds:
            self._probe_seconds = _FIRST_PROBE_SECONDS
            self._probe_at = now + self._probe_seconds
        since = before.since if before else now
        advice = advise(kind, reason, clock_ahead_seconds, keys_from_environment=keys_from_environment)
        self._holds[kind] = Hold(kind, reason, since, advice)
        return before is None

    def resume(self, *kinds: str, known_at: float = inf) -> tuple[Hold, ...]:
        """End the holds of these kinds, and give those that there were.

        Args:
            kinds: which.
            known_at: when it was so that their cause was gone; holds that began later stay.
        """
        over = [kind for kind in kinds if kind in self._holds and self._holds[kind].since <= known_at]
        return tuple(self._holds.pop(kind) for kind in over)

    def _count(self, now: float) -> None:
        """Bring the bucket up to now."""
        passed = max(0.0, now - self._counted_at)
        self._counted_at = max(now, self._counted_at)
        # At least one token fits, or a small share would never send.
        self._tokens = min(max(1.0, self.rate * _BURST_SECONDS), self._tokens + self.rate * passed)
