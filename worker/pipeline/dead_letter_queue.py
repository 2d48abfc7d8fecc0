"""Writes undeliverable records to the dead letters, for as long as that takes.

A dead letter that can't be written causes a hold and is never dropped: nothing more is sent until it is
written.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from math import inf
from typing import TYPE_CHECKING, TypeAlias

from tenacity import AsyncRetrying, retry_if_exception_type, stop_never, wait_random_exponential

from worker.core.flow_control.holds import HoldKind
from worker.core.model.records import element_index, held_bytes
from worker.pipeline.dead_letter_log import DeadLetterLog
from worker.pipeline.wakeup import Wakeup
from worker.ports import DeadLettersUnwritable

if TYPE_CHECKING:
    from worker.core.model.records import Reason, Record
    from worker.core.offsets.assignment import Assignment
    from worker.pipeline.state import PipelineState
    from worker.ports import DeadLetters

# A record or an element, why it is a dead letter, and its encoded event if that is held too.
Letter: TypeAlias = "tuple[Record, Reason, bytes | None]"
# What a letter is of: the assignment and the offset of its record, and which element.
Of: TypeAlias = "tuple[Assignment, int, int]"

# At most this many letters wait for the broker at a time: enough for its batches, few enough to cost nothing.
# Each letter being written exists as a copy, which is why fewer large ones are allowed.
_AT_ONCE = 500
_BYTES_AT_ONCE = 8 << 20
_FIRST_WAIT_SECONDS = 0.5
_MAX_WAIT_SECONDS = 15.0


class DeadLetterQueue:
    """Writes dead letters, retries, and settles the records that are written.

    Args:
        state: what the parts of the pipeline share. Its permits are held while writing fails.
        dead_letters: where to write.
    """

    def __init__(self, state: PipelineState, dead_letters: DeadLetters) -> None:
        self._dead_letters = dead_letters
        self._unsettled = state.unsettled
        self._permits = state.permits
        self._metrics = state.metrics
        self._clock = state.clock
        self.log = DeadLetterLog(state.clock)
        self._waiting: deque[Letter] = deque()
        self._work = Wakeup()
        # How many there are of each record.
        self._letters: Counter[tuple[Assignment, int]] = Counter()
        # The letters that failed, and when each is tried again. While there is one, nothing is sent.
        self._unwritten: dict[Of, float] = {}
        state.permits.probed_elsewhere(HoldKind.DEAD_LETTERS, self._tried_at)

    def has(self, assignment: Assignment, offset: int) -> bool:
        """Whether a letter for this record, or an element of it, is queued or being written."""
        return (assignment, offset) in self._letters

    def enqueue(self, record: Record, reason: Reason, event: bytes | None = None) -> None:
        """Have a record written and settled soon; ``event`` is its encoded event if that is held too."""
        self._letters[record.assignment, record.offset] += 1
        self._waiting.append((record, reason, event))
        self._work.wake()

    async def run(self) -> None:
        """Write what is queued, for ever."""
        while True:
            while not self._waiting:
                await self._work.wait()
            await asyncio.gather(
                *(self._finish(record, reason, 0, event) for record, reason, event in self._some())
            )

    def _some(self) -> list[Letter]:
        """Take the next letters to write, at least one."""
        some: list[Letter] = []
        size = 0
        while self._waiting and len(some) < _AT_ONCE and size < _BYTES_AT_ONCE:
            some.append(self._waiting.popleft())
            record, _, event = some[-1]
            size += held_bytes(record, event)
        return some

    async def write(self, record: Record, reason: Reason, *, tries: int, event: bytes | None = None) -> None:
        """Return when the broker has the letter and the record is settled."""
        self._letters[record.assignment, record.offset] += 1
        await self._finish(record, reason, tries, event)

    async def _finish(self, record: Record, reason: Reason, tries: int, event: bytes | None) -> None:
        """Write a letter that is counted, whatever it takes, and settle its record."""
        try:
            # Without tenacity: it costs as much as the letter, and there may be a hundred thousand of them.
            await self._write(record, reason, tries)
        except DeadLettersUnwritable as fault:
            await self._write_again(record, reason, tries, fault)
        self._forget(record)
        if not self._unwritten:
            self._permits.resume(HoldKind.DEAD_LETTERS)
        self._unsettled.settle(record, event)

    def _forget(self, record: Record) -> None:
        self._unwritten.pop(_of(record), None)
        place = record.assignment, record.offset
        self._letters[place] -= 1
        if not self._letters[place]:
            del self._letters[place]

    async def _write_again(
        self, record: Record, reason: Reason, tries: int, first: DeadLettersUnwritable
    ) -> None:
        letter, known = _of(record), [first]

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
            self._unwritten[_of(record)] = inf
            self._permits.hold(HoldKind.DEAD_LETTERS, str(fault))
            raise
        self._metrics.dead_lettered(reason)
        self.log.note(reason)

    async def _sleep(self, letter: Of, seconds: float) -> None:
        self._unwritten[letter] = self._clock() + seconds
        await asyncio.sleep(seconds)
        self._unwritten[letter] = inf

    def _tried_at(self) -> float:
        """Return when the first failed letter is tried again; ``inf`` while none waits."""
        return min(self._unwritten.values(), default=inf)


def _of(record: Record) -> Of:
    return record.assignment, record.offset, element_index(record)
