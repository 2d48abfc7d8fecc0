"""Takes records in: maps them, and hands what each became to whoever sees it to its end.

How many events a record holds is known only once it is mapped. So after each record that holds several, this
looks whether memory is full. If it is, the records that were received with it wait here, unmapped, and
nothing more is received until there is room for them. They count as unsettled from their reception on: no
offset passes them, and memory counts what they take.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, assert_never

from worker.core.model.records import FanOut, Interaction, Skipped, Undecodable, held_bytes
from worker.formats.protocol import NeedsSchema
from worker.pipeline.parking import MAPPED_BYTES_AT_ONCE
from worker.pipeline.samples import log_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from worker.core.model.records import Mapped, MappedOne, Record
    from worker.core.offsets.assignment import Assignment
    from worker.core.sampling import OneIn
    from worker.pipeline.age_filter import AgeFilter
    from worker.pipeline.dead_letter_queue import DeadLetterQueue
    from worker.pipeline.parking import Parking
    from worker.pipeline.quarantine import Quarantine
    from worker.pipeline.state import PipelineState
    from worker.ports import Map

# After so many elements the loop gets its turn, as after a reception of single events: some ten milliseconds.
_ELEMENTS_AT_ONCE = 1000
# A probe of /live is accepted in one turn, read in another and answered in a third.
_TURNS = 3


class Intake:
    """Maps records, and queues, settles or puts aside what they became.

    Args:
        state: what the parts of the pipeline share.
        map_record: maps a record to what it becomes.
        dead_letter_queue: takes the bad elements of records whose others could be mapped.
        quarantine: takes the records that can't be mapped.
        age_filter: takes the events that are too old.
        parking: takes the records of partitions that wait for a schema.
        sample: chooses the records that are logged at level debug.
    """

    def __init__(  # noqa: PLR0913  whatever a record may become
        self,
        state: PipelineState,
        *,
        map_record: Map,
        dead_letter_queue: DeadLetterQueue,
        quarantine: Quarantine,
        age_filter: AgeFilter,
        parking: Parking,
        sample: OneIn,
    ) -> None:
        self._map = map_record
        self._dead_letter_queue = dead_letter_queue
        self._quarantine = quarantine
        self._age_filter = age_filter
        self._parking = parking
        self._sample = sample
        self._unsettled = state.unsettled
        self._queues = state.queues
        self._metrics = state.metrics
        self._work = state.work
        self._clock = state.clock
        self._waiting: deque[Record] = deque()
        self._waiting_bytes = 0

    @property
    def waiting(self) -> int:
        """How many records wait to be mapped, because memory is full."""
        return len(self._waiting)

    async def admit(self, records: Sequence[Record]) -> None:
        """Take in what was received, or as much as memory takes; the others wait here."""
        if not records:
            return
        self._metrics.received(len(records))
        for index in self._sample.among(len(records)):
            log_record(records[index], self._map, self._clock)
        left = iter(records)
        # What came later must not overtake what waits.
        while not self._waiting and self._admit_some(left):
            if self.is_full():
                break
            self._work.wake()
            await _give_way()
        self._have_wait(left)
        self._work.wake()

    async def admit_waiting(self) -> None:
        """Take in what waits, as long as there is room."""
        while self._waiting and not self.is_full():
            self._admit_some_waiting()
            self._work.wake()
            await _give_way()

    def waiting_of(self, assignment: Assignment) -> int:
        """Count the records of this assignment's partition that wait."""
        return sum(1 for each in self._waiting if each.assignment.partition == assignment.partition)

    def has_waiting(self, assignment: Assignment, offset: int) -> bool:
        """Whether this record waits."""
        return any(each.assignment is assignment and each.offset == offset for each in self._waiting)

    def drop_ended(self) -> None:
        """Drop what waits of assignments that have ended: the next owner has it."""
        ended = [each for each in self._waiting if not each.assignment.open]
        if ended:
            self._waiting = deque(each for each in self._waiting if each.assignment.open)
            self._waiting_bytes -= sum(map(held_bytes, ended))
            self._unsettled.drop_records(ended)

    def admit_parked(self, record: Record) -> NeedsSchema | None:
        """Take in a tracked record that was parked, or say which schema it needs."""
        mapped = self._map(record)
        if isinstance(mapped, NeedsSchema):
            return mapped
        if isinstance(mapped, Interaction):
            self._unsettled.add_event(mapped.event)
        self._place(mapped, self._clock(), self._age_filter.judge())
        self._work.wake()
        return None

    def is_full(self) -> bool:
        """Whether memory is full, even without what is not mapped: that would else wait for itself."""
        return self._unsettled.memory.is_over(leaving_out=self._waiting_bytes + self._parking.bytes)

    def _have_wait(self, records: Iterable[Record]) -> None:
        for record in records:
            self._unsettled.add(record)
            self._waiting.append(record)
            self._waiting_bytes += held_bytes(record)

    def _admit_some(self, records: Iterator[Record]) -> bool:
        """Take in records, or some of them: many events, or bytes; True if some may be left."""
        elements, size, now = 0, 0, self._clock()
        is_too_old, streaks = self._age_filter.judge(), self._quarantine.streaks
        parked = self._parking.partitions
        for record in records:
            if parked and record.assignment.partition in parked:
                self._unsettled.add(record)
                self._parking.append(record)
                continue
            mapped = self._map(record)
            size += len(record.value or b"")
            # What nearly all records are, so it is done here and without further calls.
            if isinstance(mapped, Interaction):
                if streaks:
                    self._quarantine.end_streak(record.assignment.partition.topic)
                self._unsettled.add(record, mapped.event)
                if is_too_old is not None and is_too_old(record):
                    self._age_filter.put_aside(mapped)
                else:
                    self._queues.add(mapped, now)
                if size < MAPPED_BYTES_AT_ONCE:
                    continue
                return True
            self._unsettled.add(record)
            if isinstance(mapped, NeedsSchema):
                self._parking.park(record, mapped)
                continue
            elements += self._place(mapped, now, is_too_old)
            if elements >= _ELEMENTS_AT_ONCE or size >= MAPPED_BYTES_AT_ONCE:
                return True
            if isinstance(mapped, FanOut) and self.is_full():
                return True
        return False

    def _admit_some_waiting(self) -> None:
        elements, size, now, is_too_old = 0, 0, self._clock(), self._age_filter.judge()
        while self._waiting and elements < _ELEMENTS_AT_ONCE and not self.is_full():
            if size >= MAPPED_BYTES_AT_ONCE:
                break
            record = self._waiting.popleft()
            size += len(record.value or b"")
            self._waiting_bytes -= held_bytes(record)
            if record.assignment.partition in self._parking.partitions:
                self._parking.append(record)
                continue
            mapped = self._map(record)
            if isinstance(mapped, NeedsSchema):
                self._parking.park(record, mapped)
                continue
            if isinstance(mapped, Interaction):
                self._unsettled.add_event(mapped.event)
            elements += self._place(mapped, now, is_too_old)

    def _place(self, mapped: Mapped, now: float, is_too_old: Callable[[Record], bool] | None) -> int:
        """Hand over what a tracked record became; return how many elements that is."""
        if not isinstance(mapped, FanOut):
            if isinstance(mapped, Undecodable):
                self._quarantine.take(mapped)
            else:
                self._place_one(mapped, now, is_too_old)
            return 1
        self._unsettled.divide(mapped)
        self._metrics.fanned_out(len(mapped.outcomes))
        for each in mapped.outcomes:
            self._place_one(each, now, is_too_old)
        return len(mapped.outcomes)

    def _place_one(self, one: MappedOne, now: float, is_too_old: Callable[[Record], bool] | None) -> None:
        """Hand over an event, a record that is skipped, or an element of a record that could be mapped."""
        match one:
            case Interaction():
                if self._quarantine.streaks:
                    self._quarantine.end_streak(one.record.assignment.partition.topic)
                if is_too_old is not None and is_too_old(one.record):
                    self._age_filter.put_aside(one)
                else:
                    self._queues.add(one, now)
            case Skipped():
                self._metrics.skipped(one)
                self._unsettled.settle(one.record)
            case Undecodable():
                # Not to the quarantine: another element was mapped, so it is this one that is bad.
                self._dead_letter_queue.enqueue(one.record, one.reason)
            case _:
                assert_never(one)


async def _give_way() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
