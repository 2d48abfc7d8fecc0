"""The retry state of a session whose call failed in a way that may pass, until it has an outcome."""

from __future__ import annotations

from worker.core.model.snapshot import WaitsFor


class RetryState:
    """Counts the failed calls of a session.

    Args:
        code: the error code of the first failure; later that of the latest one.
        since: when the first call failed, in seconds of the loop's clock.
    """

    __slots__ = ("calls", "code", "since")

    def __init__(self, code: str, since: float) -> None:
        self.calls = 1
        self.code = code
        self.since = since

    def waits_for(self, now: float) -> WaitsFor:
        """Return what the session waits for."""
        return WaitsFor("retry", now - self.since, self.calls, self.code)
