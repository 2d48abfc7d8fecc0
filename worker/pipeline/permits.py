"""Permits for calls: each call acquires one before it is made, and releases it once, with its answer.

``core.flow_control.admission`` decides when the next call may go; this module waits for it. Sessions that are
tried again and new ones take turns. The result of a call is handed back with its permit, so that the rate,
the holds and the monitors of failing calls all learn from it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf
from typing import TYPE_CHECKING, assert_never

from worker.core.flow_control.holds import HoldKind
from worker.core.flow_control.recent_calls import RecentCalls
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Throttled, TransientFault
from worker.core.model.snapshot import PermitsSnapshot
from worker.pipeline.degradation import DegradationMonitor
from worker.pipeline.hold_monitor import HoldMonitor
from worker.pipeline.outage import OutageMonitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.flow_control.admission import Admission
    from worker.core.model.outcomes import Answer
    from worker.core.model.snapshot import HoldStatus

# At a thousand calls a second, a timer for each would cost more than the call. So this many seconds' worth is
# let through at once: a fifth of the rate limiter's burst, so that no quota is left unused.
_STEP_SECONDS = 0.01


class Permit:
    """The right to make one call. Its holder releases it exactly once, whatever happens."""

    __slots__ = ("_permits",)

    def __init__(self, permits: Permits) -> None:
        self._permits: Permits | None = permits

    def release(self, answer: Answer | None = None, sent_at: float = inf) -> None:
        """Release the permit, because the call is over.

        Args:
            answer: the result of the call; None: it was not made after all, or was given up.
            sent_at: when it was sent, by the loop's clock.

        Raises:
            RuntimeError: the permit was released before.
        """
        if self._permits is None:
            raise RuntimeError("a permit is released once")  # noqa: EM101, TRY003  a defect of ours
        permits, self._permits = self._permits, None
        permits.released(answer, sent_at)


class Permits:
    """Gives out permits, one for each call, in turns.

    Args:
        admission: decides when the next call may go.
        clock: the running loop's.
        is_wanted: whether there is anything to send.
    """

    def __init__(
        self, admission: Admission, clock: Callable[[], float], is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        self._admission = admission
        self.limiter = admission.limiter
        self.breaker = admission.breaker
        self._clock = clock
        self._again: deque[asyncio.Future[Permit | None]] = deque()
        self._new: deque[asyncio.Future[Permit | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._again_went_last = False
        recent = self.recent = RecentCalls()
        """The results of recent calls."""
        self.outage = OutageMonitor(recent, is_wanted)
        """Whether calls fail one after another."""
        self.degradation = DegradationMonitor(self.limiter, recent, is_wanted)
        """Whether too few calls come through."""
        self._monitor = HoldMonitor(self.breaker, clock, is_wanted, also_look_at=self._look)

    async def acquire(self) -> Permit:
        """Wait for the permit of a new call."""
        permit = await self._acquire(self._new)
        assert permit is not None, "only who goes again is turned away"  # noqa: S101  for the type's sake
        return permit

    async def acquire_again(self) -> Permit | None:
        """Wait for the permit of a call that was tried before; None: turned away.

        A caller is turned away while a hold lasts, so that a probe is never the same refused call over and
        over, and when an assignment has ended meanwhile.
        """
        return None if self.breaker.is_open else await self._acquire(self._again)

    def released(self, answer: Answer | None, sent_at: float) -> None:
        """Learn from a call that is over; only a ``Permit`` calls this."""
        now = self._clock()
        self._admission.release(now, was_made=answer is not None)
        match answer:
            case Throttled(code):
                self.limiter.answered(sent_at, now, throttled=True)
                self.recent.throttled(code, now)
                self.degradation.throttled(now)
                self.outage.failed(code, now, throttled=True)
                self._monitor.watch()
            case TransientFault(code):
                self.recent.failed(code, now)
                self.outage.failed(code, now)
                self._monitor.watch()
            case Misconfigured(code, _, clock_ahead_seconds, from_environment):
                self.outage.superseded()
                self.hold(
                    HoldKind.MISCONFIGURED, code, clock_ahead_seconds, keys_from_environment=from_environment
                )
            case Accepted():
                self.limiter.answered(sent_at, now, throttled=False)
                self.recent.came_through(now)
                self.outage.over(now, sent_at)
                self._monitor.resume(HoldKind.MISCONFIGURED, HoldKind.REFUSALS, known_at=sent_at)
            case Refused():
                # A server that examines the content has accepted our credentials.
                self.recent.came_through(now)
                self.outage.over(now, sent_at, accepted=False)
                self._monitor.resume(HoldKind.MISCONFIGURED, known_at=sent_at)
            case None:
                pass
            case _:
                assert_never(answer)
        self._let_through()

    def hold(
        self,
        kind: HoldKind,
        reason: str,
        clock_ahead_seconds: float | None = None,
        *,
        keys_from_environment: bool = False,
    ) -> None:
        """Stop sending until the cause is fixed, and turn away calls that wait to be tried again."""
        if self._monitor.hold(kind, reason, clock_ahead_seconds, keys_from_environment=keys_from_environment):
            self.turn_away()

    def probed_elsewhere(self, kind: HoldKind, next_at: Callable[[], float]) -> None:
        """Register a kind of hold that is not probed by calls; ``next_at`` returns when it is next probed."""
        self._monitor.probed_elsewhere(kind, next_at)

    def holds(self) -> tuple[HoldStatus, ...]:
        """Return the holds that keep the breaker open, with their status."""
        return self._monitor.status()

    def snapshot(self, now: float) -> PermitsSnapshot:
        """Return how calls are admitted now, and the results of recent calls."""
        limiter = self.limiter
        return PermitsSnapshot(
            is_held=self.breaker.is_open,
            rate_calls_per_second=limiter.rate,
            borrowed_calls_per_second=limiter.borrowed,
            share_ratio=limiter.share,
            in_flight=limiter.in_flight,
            failed_ratio=self.recent.failed_part(now),
            throttled_ratio=self.recent.throttled_part(now),
            throttled_seconds=self.degradation.throttled_seconds(now),
            accepted_at=self.outage.accepted_at,
        )

    def resume(self, kind: HoldKind) -> None:
        """End the hold of this kind, because its cause is gone."""
        self._monitor.resume(kind)
        self._let_through()

    def turn_away(self) -> None:
        """Turn away all calls that wait to be tried again: the reason to wait may be gone."""
        while self._again:
            _answer(self._again.popleft(), None)
        self._let_through()

    def set_share(self, share: float) -> None:
        """Use this share (0 to 1) of the quota from now on."""
        self.limiter.set_share(share, self._clock())
        self._let_through()

    async def _acquire(self, queue: deque[asyncio.Future[Permit | None]]) -> Permit | None:
        now = self._clock()
        if not self._again and not self._new and self._admission.opens_at(now) <= now:
            self._admission.admit(now)
            return Permit(self)
        waiting: asyncio.Future[Permit | None] = asyncio.get_running_loop().create_future()
        queue.append(waiting)
        self._let_through()
        try:
            return await waiting
        except asyncio.CancelledError:
            # Let through and cancelled in the same turn of the loop: the permit is free again.
            if waiting.done() and not waiting.cancelled() and (permit := waiting.result()) is not None:
                permit.release()
            raise

    def _look(self, now: float) -> bool:
        """Log failing calls when that is due; return whether there is anything to check again."""
        is_on = self.outage.look(now)
        return self.degradation.look(now, is_on=is_on) or is_on

    def _let_through(self) -> None:
        """Let through the calls that may go now, and schedule the next check."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while queue := self._whose_turn():
            now = self._clock()
            opens_at = self._admission.opens_at(now)
            if opens_at > now:
                if opens_at != inf:
                    at = max(opens_at, now + _STEP_SECONDS)
                    self._timer = asyncio.get_running_loop().call_at(at, self._let_through)
                return
            # A call that was cancelled while waiting takes no permit.
            if _answer(queue.popleft(), self):
                self._again_went_last = queue is self._again
                self._admission.admit(now)

    def _whose_turn(self) -> deque[asyncio.Future[Permit | None]]:
        """Return the queue to serve next: they alternate, so that neither waits for all of the other."""
        if self._again and self._new:
            return self._new if self._again_went_last else self._again
        return self._again or self._new


def _answer(waiting: asyncio.Future[Permit | None], permits: Permits | None) -> bool:
    if waiting.done():
        return False
    waiting.set_result(None if permits is None else Permit(permits))
    return True
