"""Detects outages: calls fail one after another, with none accepted in between.

An outage is no reason to hold, but it is reported. An unreachable endpoint looks like this, and so does a
region that does not exist. It is reported only while calls are failing now. An answer ends it, even one that
is a reason to hold. When there has been nothing to send for a while, it ends too, because nobody knows
whether calls would still fail.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

import structlog

from worker.core.flow_control.advice import advise_unreached
from worker.core.flow_control.recent_calls import RecentCalls
from worker.core.log_throttle import LogThrottle

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

# A fault or two is no outage.
_SAID_AFTER_SECONDS: Final = 5.0
# Longer than any wait between two tries: with nothing to send and no call for this long, it may be over.
UNTRIED_SECONDS: Final = 60.0

_FAILING: Final = "failing"


class OutageMonitor:
    """Tracks since when nothing is accepted. Times are seconds of the loop's clock.

    Args:
        recent: the results of recent calls, as noted by whoever makes them.
        is_wanted: whether there is anything to send.
    """

    def __init__(
        self, recent: RecentCalls | None = None, is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        self._recent = RecentCalls() if recent is None else recent
        self._is_wanted = is_wanted
        self._began_at: float | None = None
        self._failed_at = -inf
        self.accepted_at: float | None = None
        """When the last call was accepted; None before the first."""
        self._latest = ("", False)
        self._log_throttle = LogThrottle()
        self._is_told = False
        # It was reported as over because no calls were made, and none has come through since.
        self._is_doubtful = False
        self.came_through_at = -inf
        """When the last call that came through was sent; ``-inf`` before the first, when nobody can tell."""

    def failed(self, code: str, now: float, *, throttled: bool = False) -> None:
        """Note that a call failed in a way that may pass."""
        if self._began_at is None:
            self._began_at = now
        self._failed_at, self._latest = now, (code, throttled)
        self._tell(now - self._began_at, now)

    def over(self, now: float, sent_at: float = inf, *, accepted: bool = True) -> None:
        """End the outage: a call was accepted, or refused by a server that examined it."""
        if self.is_on(now):
            began_at = self._failed_at if self._began_at is None else self._began_at
            log.info("calls.recovered", seconds=round(now - began_at, 1))
        if accepted:
            self.accepted_at = now
        self._end()
        self.came_through_at = max(self.came_through_at, min(sent_at, now))

    def superseded(self) -> None:
        """End the outage after an answer that is a reason to hold, because the hold is reported instead."""
        self._end()

    def look(self, now: float) -> bool:
        """Return whether there is an outage; end it when there was nothing to send for a while."""
        if self._began_at is not None and self._is_untried(now):
            code, seconds = self._latest[0], round(now - self._failed_at, 1)
            log.info("calls.untried", code=code, seconds=seconds, effect="the next record finds out")
            self._end()
            self._is_doubtful = True
        elif self._began_at is not None and not self._is_told:
            # The next try may be a while off.
            self._tell(now - self._began_at, now)
        return self._began_at is not None

    def is_on(self, now: float) -> bool:
        """Whether calls fail one after another, as far as is known."""
        return self._is_doubtful or (
            self._began_at is not None and now - self._began_at >= _SAID_AFTER_SECONDS
        )

    def is_throttling(self, now: float) -> bool:
        """Whether most failing calls are throttled."""
        return self._cause(now)[1]

    def now(self, now: float) -> str | None:
        """Describe the outage; None while calls are accepted, or too little was tried to tell."""
        if self._began_at is None or now - self._began_at < _SAID_AFTER_SECONDS or self._is_untried(now):
            return None
        ago = self._accepted_seconds_ago(now)
        accepted = "since the start" if ago is None else f"for {ago:.0f} s"
        code, throttled = self._cause(now)
        return (
            f"no call accepted {accepted}, failing for {now - self._began_at:.0f} s: {code}; "
            f"{advise_unreached(code, throttled=throttled)}"
        )

    def untried(self, now: float) -> str | None:
        """Describe failed calls when nobody knows whether calls would still fail."""
        if not self.is_on(now) or not self._is_untried(now):
            return None
        last = (
            f"nothing to send for {now - self._failed_at:.0f} s, and the last call failed: {self._latest[0]}"
        )
        return f"{last}; the next record finds out whether calls come through"

    def _tell(self, seconds: float, now: float) -> None:
        code, throttled = self._cause(now)
        if seconds < _SAID_AFTER_SECONDS or not (times := self._log_throttle.note(_FAILING, now, code)):
            return
        self._is_told = True
        log.warning(
            "calls.failing",
            code=code,
            seconds=round(seconds, 1),
            accepted_seconds_ago=self._accepted_seconds_ago(now),
            times=times,
            advice=advise_unreached(code, throttled=throttled),
        )

    def _is_untried(self, now: float) -> bool:
        return now - self._failed_at >= UNTRIED_SECONDS and not self._is_wanted()

    def _cause(self, now: float) -> tuple[str, bool]:
        return self._recent.most_failed(now) or self._latest

    def _accepted_seconds_ago(self, now: float) -> float | None:
        return None if self.accepted_at is None else round(now - self.accepted_at, 1)

    def _end(self) -> None:
        # Called for each call that comes through. Most of the time there is nothing to end.
        if self._began_at is not None or self._is_doubtful:
            self._began_at, self._is_doubtful = None, False
            self._is_told, self._log_throttle = False, LogThrottle()
