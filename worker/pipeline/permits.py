"""Waiting at the gate: one call at a time goes through; those tried before and those new take turns.

The gate decides, this waits, and tells about holds: at once, and at growing intervals while they last, also
when nothing new comes of them. What a call came to is handed back here, so that the gate
learns from it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf
from typing import TYPE_CHECKING

import structlog

from worker.core.flow_control.advice import PROBES
from worker.core.flow_control.gate import PROBED
from worker.core.flow_control.recent_calls import RecentCalls
from worker.core.log_throttle import LogThrottle
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Throttled, TransientFault
from worker.core.model.snapshot import HoldStatus
from worker.pipeline.degradation import DegradationMonitor
from worker.pipeline.outage import UNTRIED_SECONDS, OutageMonitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.flow_control.gate import Gate, Hold
    from worker.core.model.outcomes import Answer

log = structlog.get_logger(__name__)

# At a thousand calls a second a timer for each would cost more than the call; this many come at once instead.
# A fifth of the gate's burst, so that no quota is left over.
_STEP_SECONDS = 0.01
# A little more than the first wait of ``LogThrottle``: an answer that comes in time says it itself.
_REMIND_SECONDS = 10.5


class Permits:
    """The gate, with those who wait for it."""

    def __init__(
        self, gate: Gate, clock: Callable[[], float], is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Guard ``gate`` by ``clock``, the running loop's.

        Args:
            gate: what decides.
            clock: the running loop's.
            is_wanted: whether there is anything to send.
        """
        self.gate = gate
        self._clock = clock
        self._is_wanted = is_wanted
        self._again: deque[asyncio.Future[bool]] = deque()
        self._new: deque[asyncio.Future[bool]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._again_went_last = False
        # By kind: what comes again after its hold has ended is said at once.
        self._log_throttle: dict[str, LogThrottle] = {}
        self._reminder: asyncio.TimerHandle | None = None
        self._probed_elsewhere: dict[str, Callable[[], float]] = {}
        # By kind: when its cause was last seen.
        self._confirmed_at: dict[str, float] = {}
        self.recent = RecentCalls()
        """What calls came to lately."""
        self.outage = OutageMonitor(self.recent, is_wanted)
        """Whether calls fail one after another."""
        self.degradation = DegradationMonitor(gate, self.recent, is_wanted)
        """Whether too few of them come through."""

    async def enter(self, *, again: bool = False) -> bool:
        """Wait until a call may go, and count it as gone; follow with ``leave``.

        Args:
            again: the call was tried before. It is turned away (False) while the gate is held, so that a
                probe is never the same refused call over and over, and when an assignment has ended
                meanwhile.
        """
        if again and self.gate.holds:
            return False
        now = self._clock()
        if not self._again and not self._new and self.gate.opens_at(now) <= now:
            self.gate.enter(now)
            return True
        queue = self._again if again else self._new
        passed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        queue.append(passed)
        self._let_through()
        try:
            return await passed
        except asyncio.CancelledError:
            # Let through and cancelled in the same turn of the loop: the place is free again.
            if passed.done() and not passed.cancelled() and passed.result():
                self.leave()
            raise

    def leave(self, answer: Answer | None = None, sent_at: float = inf) -> None:
        """A call is over, with this answer (none: it was not made after all); it was sent at ``sent_at``."""
        now = self._clock()
        self.gate.leave(now, was_made=answer is not None)
        match answer:
            case Throttled(code):
                self.gate.answered(sent_at, now, throttled=True)
                self.recent.throttled(code, now)
                self.degradation.throttled(now)
                self.outage.failed(code, now, throttled=True)
                self._watch()
            case TransientFault(code):
                self.recent.failed(code, now)
                self.outage.failed(code, now)
                self._watch()
            case Misconfigured(code, _, clock_ahead_seconds, from_environment):
                self.outage.superseded()
                self.hold("misconfigured", code, clock_ahead_seconds, keys_from_environment=from_environment)
            case Accepted():
                self.gate.answered(sent_at, now, throttled=False)
                self.recent.came_through(now)
                self.outage.over(now, sent_at)
                self._resume("misconfigured", "refusals", known_at=sent_at)
            case Refused():
                # Whoever looks at the content has let us in.
                self.recent.came_through(now)
                self.outage.over(now, sent_at, accepted=False)
                self._resume("misconfigured", known_at=sent_at)
        self._let_through()

    def hold(
        self,
        kind: str,
        reason: str,
        clock_ahead_seconds: float | None = None,
        *,
        keys_from_environment: bool = False,
    ) -> None:
        """Stop sending until somebody has mended it; those who go again are turned away."""
        now = self._clock()
        began = self.gate.hold(
            kind, reason, now, clock_ahead_seconds, keys_from_environment=keys_from_environment
        )
        self._confirmed_at[kind] = now
        # A reason that is another each time makes no more lines than one.
        if times := self._log_throttle.setdefault(kind, LogThrottle()).note(kind, now, reason):
            self._tell(kind, times)
        self._watch()
        if began:
            self.turn_away()

    def probed_elsewhere(self, kind: str, next_at: Callable[[], float]) -> None:
        """Take note of who knows when it is next tried whether a hold of this kind is over: not a call."""
        self._probed_elsewhere[kind] = next_at

    def holds(self) -> tuple[HoldStatus, ...]:
        """What holds the gate, and what can be told of it."""
        return tuple(self._status(hold) for hold in self.gate.holds)

    def turn_away(self) -> None:
        """Send away whoever waits to go again: the reason to wait may be gone."""
        while self._again:
            _answer(self._again.popleft(), passed=False)
        self._let_through()

    def resume(self, kind: str) -> None:
        """What a hold of this kind was for is over."""
        self._resume(kind)
        self._let_through()

    def set_share(self, share: float) -> None:
        """Take over a share (0 to 1) of the quota."""
        self.gate.set_share(share, self._clock())
        self._let_through()

    def _resume(self, *kinds: str, known_at: float = inf) -> None:
        for hold in self.gate.resume(*kinds, known_at=known_at):
            self._log_throttle.pop(hold.kind, None)
            log.info("sending.resumed", kind=hold.kind, held_seconds=round(self._clock() - hold.since, 1))

    def _watch(self) -> None:
        """Look after what is wrong for as long as something is."""
        if self._reminder is None:
            self._reminder = asyncio.get_running_loop().call_later(_REMIND_SECONDS, self._remind)

    def _remind(self) -> None:
        """Say of each hold that it still is, when it is time to, and come again while anything is wrong."""
        self._reminder, now = None, self._clock()
        for hold in self.gate.holds:
            self._remind_of(hold, now)
        is_on = self.outage.look(now)
        if self.degradation.look(now, is_on=is_on) or is_on or self.gate.holds:
            self._watch()

    def _remind_of(self, hold: Hold, now: float) -> None:
        seconds = self._unconfirmed_seconds(hold)
        if seconds is not None:
            # Said once; what is said of it next is news.
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
        """For how long nobody could find out whether it is over, if there is nothing to find out with."""
        seconds = self._clock() - self._confirmed_at[hold.kind]
        if not PROBED[hold.kind] or self._is_wanted() or seconds < UNTRIED_SECONDS:
            return None
        return seconds

    def _tell(self, kind: str, times: int) -> None:
        (hold,) = (each for each in self.holds() if each.kind == kind)
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
        waits_until = self._probe_waits_until() if PROBED[hold.kind] else None
        at = self.gate.probe_at if next_at is None else next_at()
        return HoldStatus(
            kind=hold.kind,
            reason=hold.reason,
            held_seconds=now - hold.since,
            probe=PROBES[hold.kind],
            next_probe_seconds=None if at == inf or waits_until else max(0.0, at - now),
            advice=hold.advice,
            probe_waits_until=waits_until,
            unconfirmed_seconds=self._unconfirmed_seconds(hold),
        )

    def _probe_waits_until(self) -> str | None:
        """What the call that would find out waits for, but for time."""
        for each in self.gate.holds:
            if not PROBED[each.kind]:
                return f"the hold for {each.kind} is over"
        is_sent = self.gate.probe_at == inf
        return None if is_sent or self._is_wanted() else "there is one to send"

    def _let_through(self) -> None:
        """Let through whom the gate lets through now, and come back when it opens next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while queue := self._whose_turn():
            now = self._clock()
            opens_at = self.gate.opens_at(now)
            if opens_at > now:
                if opens_at != inf:
                    at = max(opens_at, now + _STEP_SECONDS)
                    self._timer = asyncio.get_running_loop().call_at(at, self._let_through)
                return
            # Whoever was cancelled while waiting takes no place.
            if _answer(queue.popleft(), passed=True):
                self._again_went_last = queue is self._again
                self.gate.enter(now)

    def _whose_turn(self) -> deque[asyncio.Future[bool]]:
        """The queue whose head goes next: they alternate, so that neither waits for all of the other."""
        if self._again and self._new:
            return self._new if self._again_went_last else self._again
        return self._again or self._new


def _answer(waiting: asyncio.Future[bool], *, passed: bool) -> bool:
    if waiting.done():
        return False
    waiting.set_result(passed)
    return True
