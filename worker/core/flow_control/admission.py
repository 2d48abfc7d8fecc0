"""Decides when the next call may go: by the rate limiter, unless a hold has opened the circuit breaker."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.core.flow_control.circuit_breaker import CircuitBreaker
    from worker.core.flow_control.rate_limiter import RateLimiter


class Admission:
    """Admits one call after another; a caller asks ``opens_at`` first.

    Args:
        limiter: the rate, and the bound on calls in flight.
        breaker: stops all calls but probes. A probe takes a token, but does not wait for one.
    """

    def __init__(self, limiter: RateLimiter, breaker: CircuitBreaker) -> None:
        self.limiter = limiter
        self.breaker = breaker

    def opens_at(self, now: float) -> float:
        """Return when the next call may go, as known now; ``inf``: not before something else happens."""
        if not self.breaker.is_open:
            return self.limiter.opens_at(now)
        return inf if self.limiter.is_blocked else self.breaker.opens_at(self.limiter.in_flight)

    def admit(self, now: float) -> None:
        """Note that a call goes. ``release`` follows, once."""
        self.limiter.admitted(now)
        self.breaker.admitted()

    def release(self, now: float, *, was_made: bool = True) -> None:
        """Note that the call is over, or was not made after all."""
        self.limiter.released()
        self.breaker.released(now, was_made=was_made)
