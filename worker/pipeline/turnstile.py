"""Waiting at the gate: one call at a time goes through; those tried before and those new take turns.

The gate decides, this waits, and tells about holds. What a call came to is handed back here, so that the gate
learns from it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf
from typing import TYPE_CHECKING

import structlog

from worker.core.advice import advise
from worker.core.outcomes import Accepted, Misconfigured, PassingFault, Refused, Throttled
from worker.core.repeats import Repeats
from worker.pipeline.drought import Drought

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.gate import Gate
    from worker.core.outcomes import Answer

log = structlog.get_logger(__name__)

# At a thousand calls a second a timer for each would cost more than the call; this many come at once instead.
# A fifth of the gate's burst, so that no quota is left over.
_STEP_SECONDS = 0.01


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
        self._repeats = Repeats()
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
            case Misconfigured(code):
                self.hold("misconfigured", code)
            case Accepted():
                self.gate.answered(sent_at, now, throttled=False)
                self.drought.over(now)
                self._resume("misconfigured", "refusals", known_at=sent_at)
            case Refused():
                # Whoever looks at the content has let us in.
                self.drought.over(now)
                self._resume("misconfigured", known_at=sent_at)
        self._let_through()

    def hold(self, kind: str, reason: str) -> None:
        """Stop sending until somebody has mended it; those who go again are turned away."""
        now = self._clock()
        began = self.gate.hold(kind, reason, now)
        if times := self._repeats.note(f"{kind} {reason}", now):
            log.error("gate.held", kind=kind, reason=reason, advice=advise(kind, reason), times=times)
        if began:
            self.turn_away()

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
            self._repeats.ended(f"{hold.kind} {hold.reason}", self._clock())
            log.info("gate.resumed", kind=hold.kind, held_seconds=round(self._clock() - hold.since, 1))

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
