"""Stops all calls while a hold lasts; probes at growing intervals find out whether it is over.

This is a circuit breaker with three differences. It opens for a cause that a person has to fix, never for
failures that pass by themselves. Several causes may hold it open at once. And nothing is dropped while it is
open: records wait, and offsets with them.
"""

from __future__ import annotations

from math import inf
from typing import Final

from worker.core.flow_control.advice import advise
from worker.core.flow_control.holds import Hold, HoldKind

_FIRST_PROBE_SECONDS: Final = 1.0
_MAX_PROBE_SECONDS: Final = 30.0


class CircuitBreaker:
    """Closed while there is no hold; with one, half-open for a single probe at a time.

    Times are seconds of the caller's clock.
    """

    def __init__(self) -> None:
        self._holds: dict[HoldKind, Hold] = {}
        self._probe_at = inf
        self._probe_seconds = _FIRST_PROBE_SECONDS

    @property
    def is_open(self) -> bool:
        """Whether any hold keeps it open, so that only probes may go."""
        return bool(self._holds)

    @property
    def holds(self) -> tuple[Hold, ...]:
        """The holds that keep it open, the earliest first."""
        return tuple(self._holds.values())

    @property
    def probe_at(self) -> float:
        """When the next probe may go, while open; ``inf`` while one is under way."""
        return self._probe_at

    def opens_at(self, in_flight: int) -> float:
        """While open, return when a probe may go; ``inf`` while calls are in flight, or no call can probe."""
        is_probed = in_flight == 0 and all(kind.is_probed_by_calls for kind in self._holds)
        return self._probe_at if is_probed else inf

    def admitted(self) -> None:
        """Note that a call goes; while open, it is the probe."""
        if self._holds:
            self._probe_at = inf

    def released(self, now: float, *, was_made: bool) -> None:
        """Note that the call is over, whatever its result: the next probe is due an interval later.

        Args:
            now: the time.
            was_made: False: it was not made after all, so the probe is still due.
        """
        if not self._holds or self._probe_at != inf:
            return
        if not was_made:
            self._probe_at = now
            return
        self._probe_at = now + self._probe_seconds
        self._probe_seconds = min(self._probe_seconds * 2, _MAX_PROBE_SECONDS)

    def hold(
        self,
        kind: HoldKind,
        reason: str,
        now: float,
        clock_ahead_seconds: float | None = None,
        *,
        keys_from_environment: bool = False,
    ) -> bool:
        """Stop all calls; return False if this kind was held already, in which case its reason is updated.

        Args:
            kind: the kind of problem to be fixed.
            reason: the cause, in a word or a sentence.
            now: the time.
            clock_ahead_seconds: how far our clock is ahead of the API's, where that may be the cause.
            keys_from_environment: whether other keys require a restart.
        """
        before = self._holds.get(kind)
        if not self._holds:
            self._probe_seconds = _FIRST_PROBE_SECONDS
            self._probe_at = now + self._probe_seconds
        since = before.since if before else now
        advice = advise(kind, reason, clock_ahead_seconds, keys_from_environment=keys_from_environment)
        self._holds[kind] = Hold(kind, reason, since, advice)
        return before is None

    def resume(self, *kinds: HoldKind, known_at: float = inf) -> tuple[Hold, ...]:
        """End the holds of these kinds, and return those that existed.

        Args:
            kinds: the kinds of hold to end.
            known_at: when their cause was known to be gone; holds that began later stay.
        """
        over = [kind for kind in kinds if kind in self._holds and self._holds[kind].since <= known_at]
        return tuple(self._holds.pop(kind) for kind in over)
