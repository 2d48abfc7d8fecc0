"""Keeps back what is too old to be sent: on its way in, and when its turn has come.

Only while calls come through. While sending is held, or call after call fails, no record is judged: else a
wrong permission or address would empty a topic into the dead letters. Whoever mends it may still raise the
limit; what is too old once calls come through again is put aside then. Nor is anybody judged before the first
call came through: a worker that starts anew has forgotten that it was held; and nobody after the wall clock
jumped ahead, before a call that was signed since came through. Nor is what is in a call judged, before it is
given back.
"""

from __future__ import annotations

import asyncio
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import structlog

from worker.core.batching.age_limit import TOO_OLD
from worker.core.log_throttle import LogThrottle
from worker.core.model.records import Skipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.batching.age_limit import AgeLimit
    from worker.core.model.records import Interaction, Record
    from worker.pipeline.dead_letter_queue import DeadLetterQueue
    from worker.pipeline.state import PipelineState

log = structlog.get_logger(__name__)

# After so many the loop has its turn: they take some milliseconds.
_AT_ONCE = 1000
# So much more of the wall clock's time than of the loop's has not passed between two looks.
_JUMP_SECONDS = 30.0


class AgeFilter:
    """Judges by the age limit."""

    def __init__(
        self,
        state: PipelineState,
        dead_letter_queue: DeadLetterQueue,
        limit: AgeLimit,
        epoch_seconds: Callable[[], float],
    ) -> None:
        """Judge what waits in ``state.queues``; ``epoch_seconds`` is the wall clock."""
        self._unsettled = state.unsettled
        self._queues = state.queues
        self._permits = state.permits
        self._metrics = state.metrics
        self._clock = state.clock
        self._dead_letter_queue = dead_letter_queue
        self._limit = limit
        self._reason = limit.reason()
        self._epoch_seconds = epoch_seconds
        self._log_throttle = LogThrottle()
        self._ahead_seconds = inf
        self._doubted_at = -inf

    def judge(self) -> Callable[[Record], bool] | None:
        """Whether a record is too old, at this moment; None while nobody is judged."""
        if self._limit.max_age_seconds == inf:
            return None
        epoch_seconds = self._epoch_seconds()
        self._look_for_jump(epoch_seconds)
        if not self._calls_come_through():
            return None
        return partial(self._limit.is_exceeded_by, epoch_seconds=epoch_seconds)

    def put_aside(self, interaction: Interaction) -> None:
        """Do with one that is too old, and held, as the limit says."""
        record, event = interaction.record, interaction.event
        if self._limit.when_too_old == "skip":
            self._metrics.skipped(Skipped(record, TOO_OLD))
            self._unsettled.settle(record, event)
        else:
            self._dead_letter_queue.enqueue(record, self._reason, event)
        if records := self._log_throttle.note(TOO_OLD, self._clock()):
            log.warning("records.too_old", records=records, effect=self._limit.when_too_old)

    async def clear(self) -> bool:
        """Put aside what is too old until the next call would be all of others; True if there was any."""
        found = False
        while self._put_some_aside():
            found = True
            await asyncio.sleep(0)
        return found

    def _calls_come_through(self) -> bool:
        outage = self._permits.outage
        return (
            outage.came_through_at > self._doubted_at
            and not self._permits.breaker.is_open
            and not outage.is_on(self._clock())
        )

    def _look_for_jump(self, epoch_seconds: float) -> None:
        now = self._clock()
        ahead_seconds = epoch_seconds - now
        if ahead_seconds - self._ahead_seconds > _JUMP_SECONDS:
            self._doubted_at = now
            log.warning("clock.jumped", ahead_seconds=round(ahead_seconds - self._ahead_seconds))
        self._ahead_seconds = ahead_seconds

    def _put_some_aside(self) -> int:
        is_too_old = self.judge()
        if is_too_old is None:
            return 0
        count = 0
        while count < _AT_ONCE and (taken := self._queues.take_out(self._clock(), is_too_old)):
            count += len(taken)
            for each in taken:
                self.put_aside(each)
        return count
