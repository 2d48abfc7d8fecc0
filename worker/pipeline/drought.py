"""Calls that fail one after another, nothing accepted between: no reason to hold, but to be said.

An endpoint that can't be reached looks like this, and so does a region that does not exist.
"""

from __future__ import annotations

from math import inf

import structlog

from worker.core.advice import advise_unreached
from worker.core.repeats import Repeats

log = structlog.get_logger(__name__)

# A fault or two is no drought.
_SAID_AFTER_SECONDS = 5.0


class Drought:
    """Since when nothing is accepted. Times are seconds of the loop's clock."""

    def __init__(self) -> None:
        """Begin while all is well."""
        self._began_at: float | None = None
        self._code = ""
        self._repeats = Repeats()
        self.came_through_at = -inf
        """When the last of the calls that did was sent; ``-inf`` before the first: nobody can tell."""

    def failed(self, code: str, now: float) -> None:
        """A call failed in a way that may pass."""
        self._began_at = now if self._began_at is None else self._began_at
        self._code = code
        seconds = now - self._began_at
        if seconds >= _SAID_AFTER_SECONDS and (times := self._repeats.note(code, now)):
            advice = advise_unreached(code)
            log.warning("calls.failing", code=code, seconds=round(seconds, 1), times=times, advice=advice)

    def over(self, now: float, sent_at: float = inf) -> None:
        """A call was accepted, or refused by somebody who looked at it."""
        if self._began_at is not None and now - self._began_at >= _SAID_AFTER_SECONDS:
            log.info("calls.recovered", seconds=round(now - self._began_at, 1))
            self._repeats = Repeats()
        self._began_at = None
        self.came_through_at = max(self.came_through_at, min(sent_at, now))

    def now(self, now: float) -> str | None:
        """What to say of it; None while calls are accepted, or too little was tried to tell."""
        if self._began_at is None or now - self._began_at < _SAID_AFTER_SECONDS:
            return None
        return (
            f"no call accepted for {now - self._began_at:.0f} s: {self._code}; {advise_unreached(self._code)}"
        )
