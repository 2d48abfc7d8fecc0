"""Logs holds: at once, and at growing intervals while they last.

A hold is logged again even when nothing new happens, so that somebody who looks at the log an hour later sees
that it still lasts.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Final

import structlog

from worker.core.flow_control.advice import PROBES
from worker.core.log_throttle import LogThrottle
from worker.core.model.snapshot import HoldStatus
from worker.pipeline.outage import UNTRIED_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.flow_control.circuit_breaker import CircuitBreaker
    from worker.core.flow_control.holds import Hold, HoldKind

log = structlog.get_logger(__name__)

# A little more than the first wait of ``LogThrottle``: an answer that comes in time logs the hold itself.
_REMIND_SECONDS: Final = 10.5


class HoldMonitor:
    """Opens and closes the circuit breaker, logs that, and reports each hold's status.

    Args:
        breaker: what is held.
        clock: the running loop's.
        is_wanted: whether there is anything to send.
        also_look_at: what else is to be checked from time to time while something is wrong. It is called with
            the time, and returns whether it has to be checked again.
    """

    def __init__(
        self,
        breaker: CircuitBreaker,
        clock: Callable[[], float],
        is_wanted: Callable[[], bool],
        also_look_at: Callable[[float], bool],
    ) -> None:
        self._breaker = breaker
        self._clock = clock
        self._is_wanted = is_wanted
        self._also_look_at = also_look_at
        # By kind. A kind that returns after its hold has ended is logged at once.
        self._log_throttle: dict[HoldKind, LogThrottle] = {}
        self._reminder: asyncio.TimerHandle | None = None
        self._probed_elsewhere: dict[HoldKind, Callable[[], float]] = {}
        # By kind: when its cause was last observed.
        self._confirmed_at: dict[HoldKind, float] = {}

    def hold(
        self,
        kind: HoldKind,
        reason: str,
        clock_ahead_seconds: float | None = None,
        *,
        keys_from_environment: bool = False,
    ) -> bool:
        """Hold, as ``CircuitBreaker.hold`` does, and log it."""
        now = self._clock()
        began = self._breaker.hold(
            kind, reason, now, clock_ahead_seconds, keys_from_environment=keys_from_environment
        )
        self._confirmed_at[kind] = now
        # A reason that changes each time makes no more lines than one that stays.
        if times := self._log_throttle.setdefault(kind, LogThrottle()).note(kind, now, reason):
            self._tell(kind, times)
        self.watch()
        return began

    def resume(self, *kinds: HoldKind, known_at: float = inf) -> None:
        """End holds, as ``CircuitBreaker.resume`` does, and log it."""
        for hold in self._breaker.resume(*kinds, known_at=known_at):
            self._log_throttle.pop(hold.kind, None)
            log.info("sending.resumed", kind=hold.kind, held_seconds=round(self._clock() - hold.since, 1))

    def probed_elsewhere(self, kind: HoldKind, next_at: Callable[[], float]) -> None:
        """Register a kind of hold that is not probed by calls; ``next_at`` returns when it is next probed."""
        self._probed_elsewhere[kind] = next_at

    def status(self) -> tuple[HoldStatus, ...]:
        """Return the status of each hold."""
        return tuple(self._status(hold) for hold in self._breaker.holds)

    def watch(self) -> None:
        """Schedule the next check, which repeats for as long as something is wrong."""
        if self._reminder is None:
            self._reminder = asyncio.get_running_loop().call_later(_REMIND_SECONDS, self._remind)

    def _remind(self) -> None:
        """Log each hold that lasts when that is due, and repeat while anything is wrong."""
        self._reminder, now = None, self._clock()
        for hold in self._breaker.holds:
            self._remind_of(hold, now)
        if self._also_look_at(now) or self._breaker.is_open:
            self.watch()

    def _remind_of(self, hold: Hold, now: float) -> None:
        seconds = self._unconfirmed_seconds(hold)
        if seconds is not None:
            # Logged once. Whatever is logged about the hold next is news.
            if self._log_throttle.pop(hold.kind, None) is not None:
                log.warning(
                    "sending.hold_unconfirmed", kind=hold.kind, reason=hold.reason, seconds=round(seconds, 1)
                )
            return
        log_throttle = self._log_throttle.get(hold.kind)
        if log_throttle is None:
            log_throttle = self._log_throttle[hold.kind] = LogThrottle()
            log_throttle.note(hold.kind, now, hold.reason)
            self._tell(hold.kind, 0)
        elif (times := log_throttle.again(hold.kind, now)) is not None:
            self._tell(hold.kind, times)

    def _unconfirmed_seconds(self, hold: Hold) -> float | None:
        """Return for how long the hold could not be probed for want of anything to send; else None."""
        seconds = self._clock() - self._confirmed_at[hold.kind]
        if not hold.kind.is_probed_by_calls or self._is_wanted() or seconds < UNTRIED_SECONDS:
            return None
        return seconds

    def _tell(self, kind: HoldKind, times: int) -> None:
        (hold,) = (each for each in self.status() if each.kind == kind)
        next_probe = hold.next_probe_seconds
        log.error(
            "sending.held",
            kind=kind,
            reason=hold.reason,
            advice=hold.advice,
            times=times,
            held_seconds=round(hold.held_seconds, 1),
            probe=hold.probe,
            probe_waits_until=hold.probe_waits_until,
            next_probe_seconds=None if next_probe is None else round(next_probe, 1),
        )

    def _status(self, hold: Hold) -> HoldStatus:
        now, next_at = self._clock(), self._probed_elsewhere.get(hold.kind)
        waits_until = self._probe_waits_until() if hold.kind.is_probed_by_calls else None
        at = self._breaker.probe_at if next_at is None else next_at()
        return HoldStatus(
            kind=hold.kind.value,
            reason=hold.reason,
            held_seconds=now - hold.since,
            probe=PROBES[hold.kind],
            next_probe_seconds=None if at == inf or waits_until else max(0.0, at - now),
            advice=hold.advice,
            probe_waits_until=waits_until,
            unconfirmed_seconds=self._unconfirmed_seconds(hold),
        )

    def _probe_waits_until(self) -> str | None:
        """Return what the next probing call waits for, other than time."""
        for each in self._breaker.holds:
            if not each.kind.is_probed_by_calls:
                return f"the hold for {each.kind} is over"
        is_sent = self._breaker.probe_at == inf
        return None if is_sent or self._is_wanted() else "there is one to send"
