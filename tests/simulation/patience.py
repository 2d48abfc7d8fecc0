"""How long the oracle waits for everything to be done with, once all faults have ended.

What is there to deliver may take minutes at the rate that the members have, so the wait grows with it. It
is over sooner when nothing moves any more: a worker that hangs is found as quickly with much to do as with
little.
"""

from __future__ import annotations

from typing import Final

STANDSTILL_SECONDS: Final = 400.0
"""For so long nothing may move. Poison is fixed after 120 s, and probes and tries come once a minute."""
# An event may be delivered again after a restart or a rewind, and takes a few calls where it is refused.
_CALLS_PER_EVENT: Final = 4.0


class Patience:
    """From the end of all faults on.

    Args:
        now: the loop's time.
        events: how many are not committed yet, those counted that were delivered already.
        calls_per_second: what the slowest of the members makes, with the smallest share of the quota.
    """

    def __init__(self, now: float, events: int, calls_per_second: float) -> None:
        self._until = now + STANDSTILL_SECONDS + _CALLS_PER_EVENT * events / calls_per_second
        self._moved_at = now
        self._stood: object = None

    def is_over(self, now: float, stands: object) -> bool:
        """Whether nobody would wait any longer; ``stands`` is another with all that moves."""
        if stands != self._stood:
            self._stood, self._moved_at = stands, now
        return now > self._until or now > self._moved_at + STANDSTILL_SECONDS
