"""How often keys are loaded anew because a call was denied.

Denied is not refused: the service knows the keys, and their role may not do this. Other keys may be there by
now, so they are looked for, and ever more seldom as long as they are the same: one forbidden call that is
repeated would otherwise start a process every few seconds, for days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.aws.signing import Keys

DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})
_FIRST_SECONDS: Final = 5.0
_MAX_SECONDS: Final = 300.0


class Denials:
    """The denials of one client's calls. Times are seconds of any clock."""

    def __init__(self) -> None:
        self._keys: Keys | None = None
        self._again_at = float("-inf")
        self._wait = _FIRST_SECONDS

    def is_worth_a_load(self, keys: Keys | None, now: float) -> bool:
        """Whether to look for other keys now that these are denied; if so, the next time is later."""
        if keys != self._keys:
            self._keys, self._wait, self._again_at = keys, _FIRST_SECONDS, now
        if now < self._again_at:
            return False
        self._again_at = now + self._wait
        self._wait = min(_MAX_SECONDS, 2 * self._wait)
        return True
