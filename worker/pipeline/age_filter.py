"""Filters out records that are too old to be sent: on arrival, and when their turn comes.

The limit is applied only while calls come through. While sending is held, or call after call fails, it is
applied to no record, because otherwise a wrong permission or address would empty a topic into the dead
letters. Whoever fixes that may still raise the limit. What is too old once calls come through again is
filtered out then.

The limit is also suspended:

- Before the first call has come through, because a worker that restarts has forgotten that it was held.
- After the wall clock jumped ahead, until a call that was signed since has come through.

It is not applied to records that are in a call, until these are given back.
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

# After this many records the loop gets its turn: they take some milliseconds.
_AT_ONCE = 1000
# If the wall clock advances this much more than the loop's clock between two checks, it has jumped.
_JUMP_SECONDS = 30.0


class AgeFilter:
    """Applies the age limit.

    Args:
        state: what the parts of the pipeline share; its queues are filtered.
        dead_letter_queue: takes the records that become dead letters.
        limit: how old a record may be, and what happens to older ones.
        epoch_seconds: the wall clock.
    """

    def __init__(
        self,
        state: PipelineState,
        dead_letter_queue: DeadLetterQueue,
        limit: AgeLimit,
        epoch_seconds: Callable[[], float],
    ) -> None:
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
        """Return a function that tells whether a record is too old now; None while the limit is suspended."""
        if self._limit.max_age_seconds == inf:
            return None
        epoch_seconds = self._epoch_seconds()
        self._look_for_jump(epoch_seconds)
        if not self._calls_come_through():
            return None
        return partial(self._limit.is_exceeded_by, epoch_seconds=epoch_seconds)

    def put_aside(self, interaction: Interaction) -> None:
        """Skip or dead-letter a tracked event that is too old, as the limit says."""
        record, event = interaction.record, interaction.event
        if self._limit.when_too_old == "skip":
            self._metrics.skipped(Skipped(record, TOO_OLD))
            self._unsettled.settle(record, event)
        else:
            self._dead_letter_queue.enqueue(record, self._reason, event)
        if records := self._log_throttle.note(TOO_OLD, self._clock()):
            log.warning("records.too_old", records=records, effect=self._limit.when_too_old)

    async def clear(self) -> bool:
        """Filter out old events until the next call would have none; return True if there were any."""
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
