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

from worker.core.advice import PROBES
from worker.core.gate import PROBED
from worker.core.outcomes import Accepted, Misconfigured, PassingFault, Refused, Throttled
from worker.core.repeats import Repeats
from worker.core.snapshot import HoldStatus
from worker.pipeline.drought import Drought

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.gate import Gate, Hold
    from worker.core.outcomes import Answer

log = structlog.get_logger(__name__)

# At a thousand calls a second a timer for each would cost more than the call; this many come at once instead.
# A fifth of the gate's burst, so that no quota is left over.
_STEP_SECONDS = 0.01
# A little more than the first wait of ``Repeats``: an answer that comes in time says it itself.
_REMIND_SECONDS = 10.5


class Turnstile:
    """The gate, with those who wait for it."""

    def __init__(self, gate: Gate, clock: Callable[[], float]) -> None:
        """Guard ``gate`` by ``clock``, the running loop's."""
        self.gate = gate
        self._clock = clock
        self._again: deque[asyncio.Future[bool]] = deque()
        self._new: deque[asyncio.Future[bool]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._again_went_last = False
        # By kind: what comes again after its hold has ended is said at once.
        self._repeats: dict[str, Repeats] = {}
        self._reminder: asyncio.TimerHandle | None = None
        self._probed_elsewhere: dict[str, Callable[[], float]] = {}
        self.drought = Drought()
        """Whether calls fail one after another."""

    async def enter(self, *, again: bool = False) -> bool:
        """Wait until a call may go, and count it as gone; follow with ``leave``.

        Args:
            again: the call was tried before. It is turned away (False) while the gate is held, so that a
                probe is never the same refused call over and over, and when a lease has ended meanwhile.
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
        self.gate.leave(now)
        match answer:
            case Throttled(code):
                self.gate.answered(sent_at, now, throttled=True)
                self.drought.failed(code, now)
            case PassingFault(code):
                self.drought.failed(code, now)
            case Misconfigured(code, _, clock_ahead_seconds):
                self.hold("misconfigured", code, clock_ahead_seconds)
            case Accepted():
                self.gate.answered(sent_at, now, throttled=False)
                self.drought.over(now, sent_at)
                self._resume("misconfigured", "refusals", known_at=sent_at)
            case Refused():
                # Whoever looks at the content has let us in.
                self.drought.over(now, sent_at)
                self._resume("misconfigured", known_at=sent_at)
        self._let_through()

    def hold(self, kind: str, reason: str, clock_ahead_seconds: float | None = None) -> None:
        """Stop sending until somebody has mended it; those who go again are turned away."""
        now = self._clock()
        began = self.gate.hold(kind, reason, now, clock_ahead_seconds)
        if times := self._repeats.setdefault(kind, Repeats()).note(reason, now):
            self._tell(kind, times)
        if self._reminder is None:
            self._reminder = asyncio.get_running_loop().call_later(_REMIND_SECONDS, self._remind)
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
            self._repeats.pop(hold.kind, None)
            log.info("gate.resumed", kind=hold.kind, held_seconds=round(self._clock() - hold.since, 1))

    def _remind(self) -> None:
        """Say of each hold that it still is, when it is time to, and come again while there is one."""
        self._reminder = None
        for hold in self.gate.holds:
            times = self._repeats[hold.kind].again(hold.reason, self._clock())
            if times is not None:
                self._tell(hold.kind, times)
        if self.gate.holds:
            self._reminder = asyncio.get_running_loop().call_later(_REMIND_SECONDS, self._remind)

    def _tell(self, kind: str, times: int) -> None:
        (hold,) = (each for each in self.holds() if each.kind == kind)
        next_probe = hold.next_probe_seconds
        log.error(
            "gate.held",
            kind=kind,
            reason=hold.reason,
            advice=hold.advice,
            times=times,
            held_seconds=round(hold.held_seconds, 1),
            probe=hold.probe,
            next_probe_seconds=None if next_probe is None else round(next_probe, 1),
        )

    def _status(self, hold: Hold) -> HoldStatus:
        now, kinds = self._clock(), [each.kind for each in self.gate.holds]
        probe, next_at = PROBES[hold.kind], self._probed_elsewhere.get(hold.kind)
        if PROBED[hold.kind] and not all(PROBED[kind] for kind in kinds):
            probe, at = f"{probe}, once the other hold is over", inf
        else:
            at = self.gate.probe_at if next_at is None else next_at()
        return HoldStatus(
            kind=hold.kind,
            reason=hold.reason,
            held_seconds=now - hold.since,
            probe=probe,
            next_probe_seconds=None if at == inf else max(0.0, at - now),
            advice=hold.advice,
        )

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
