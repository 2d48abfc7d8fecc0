"""Brings what can't be delivered to the dead letters, for as long as that takes.

A dead letter that can't be written is a hold, never a drop: nothing more is sent until it could be.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf
from typing import TYPE_CHECKING, TypeAlias

from tenacity import AsyncRetrying, retry_if_exception_type, stop_never, wait_random_exponential

from worker.core.flow_control.holds import HoldKind
from worker.core.model.records import held_bytes
from worker.pipeline.dead_letter_log import DeadLetterLog
from worker.pipeline.wakeup import Wakeup
from worker.ports import DeadLettersUnwritable

if TYPE_CHECKING:
    from worker.core.model.records import Reason, Record
    from worker.core.offsets.assignment import Assignment
    from worker.pipeline.state import PipelineState
    from worker.ports import DeadLetters

# A record, why it is a dead letter, and what is held of it besides.
Letter: TypeAlias = "tuple[Record, Reason, bytes | None]"

# So many letters wait for the broker at a time: enough for its batches, few enough to cost nothing. What is
# written has a copy of each, which is why large ones are fewer.
_AT_ONCE = 500
_BYTES_AT_ONCE = 8 << 20
_FIRST_WAIT_SECONDS = 0.5
_MAX_WAIT_SECONDS = 15.0


class DeadLetterQueue:
    """Writes dead letters, retries, and settles what is written."""

    def __init__(self, state: PipelineState, dead_letters: DeadLetters) -> None:
        """Write to ``dead_letters``; hold at the permits while that fails."""
        self._dead_letters = dead_letters
        self._unsettled = state.unsettled
        self._permits = state.permits
        self._metrics = state.metrics
        self._clock = state.clock
        self.log = DeadLetterLog(state.clock)
        self._waiting: deque[Letter] = deque()
        self._work = Wakeup()
        self._letters: set[tuple[Assignment, int]] = set()
        # The letters that failed, and when each is tried again: while there is one, nothing is sent.
        self._unwritten: dict[tuple[Assignment, int], float] = {}
        state.permits.probed_elsewhere(HoldKind.DEAD_LETTERS, self._tried_at)

    def has(self, assignment: Assignment, offset: int) -> bool:
        """Whether this record is to be written, or is being written."""
        return (assignment, offset) in self._letters

    def enqueue(self, record: Record, reason: Reason, event: bytes | None = None) -> None:
        """Have it written and settled, soon; ``event`` is what is held of it besides."""
        self._letters.add((record.assignment, record.offset))
        self._waiting.append((record, reason, event))
        self._work.wake()

    async def run(self) -> None:
        """Write what is posted, for ever."""
        while True:
            while not self._waiting:
                await self._work.wait()
            await asyncio.gather(
                *(self.write(record, reason, tries=0, event=event) for record, reason, event in self._some())
            )

    def _some(self) -> list[Letter]:
        """The next to be written, one at least."""
        some: list[Letter] = []
        size = 0
        while self._waiting and len(some) < _AT_ONCE and size < _BYTES_AT_ONCE:
            some.append(self._waiting.popleft())
            record, _, event = some[-1]
            size += held_bytes(record, event)
        return some

    async def write(self, record: Record, reason: Reason, *, tries: int, event: bytes | None = None) -> None:
        """Return when the broker has the letter, and the record is settled."""
        letter = record.assignment, record.offset
        self._letters.add(letter)
        try:
            # Plainly: tenacity costs as much as the letter, and there may be a hundred thousand of them.
            await self._write(record, reason, tries)
        except DeadLettersUnwritable as fault:
            await self._write_again(record, reason, tries, fault)
        self._letters.discard(letter)
        self._unwritten.pop(letter, None)
        if not self._unwritten:
            self._permits.resume(HoldKind.DEAD_LETTERS)
        self._unsettled.settle(record, event)

    async def _write_again(
        self, record: Record, reason: Reason, tries: int, first: DeadLettersUnwritable
    ) -> None:
        letter, known = (record.assignment, record.offset), [first]

        async def attempt() -> None:
            if known:  # tenacity is entered with the first fault in hand, so that its first act is to wait
                raise known.pop()
            await self._write(record, reason, tries)

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(DeadLettersUnwritable),
            wait=wait_random_exponential(multiplier=_FIRST_WAIT_SECONDS, max=_MAX_WAIT_SECONDS),
            stop=stop_never,
            sleep=lambda seconds: self._sleep(letter, seconds),
        )
        await retrying(attempt)

    async def _write(self, record: Record, reason: Reason, tries: int) -> None:
        if not record.assignment.open:
            return  # The next owner has it; a second letter would help nobody.
        try:
            await self._dead_letters.write(record, reason, tries)
        except DeadLettersUnwritable as fault:
            self._unwritten[record.assignment, record.offset] = inf
            self._permits.hold(HoldKind.DEAD_LETTERS, str(fault))
            raise
        self._metrics.dead_lettered(reason)
        self.log.note(reason)

    async def _sleep(self, letter: tuple[Assignment, int], seconds: float) -> None:
        self._unwritten[letter] = self._clock() + seconds
        await asyncio.sleep(seconds)
        self._unwritten[letter] = inf

    def _tried_at(self) -> float:
        """When the first of those that failed is tried again; ``inf`` while none waits."""
        return min(self._unwritten.values(), default=inf)
