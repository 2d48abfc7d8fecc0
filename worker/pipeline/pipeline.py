"""The pipeline, from source to commit, readable in one sitting.

``Source`` -> mapping -> ``SessionQueues`` -> ``Permits`` -> ``Dispatcher`` -> settled in the offset tracker
-> offset stored -> committed. Records that can't be mapped or are refused go to the dead-letter queue. One
task takes records in (``Intake``) and keeps the offsets, one fetches schemas and has taken in what was parked
for want of them (``Parking``), one seals batches and dispatches them (``_dispatch``), one task for each batch
follows it to its end (``Dispatcher``), and one writes dead letters (``DeadLetterQueue``). All run on one loop
and share their state without locks.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

import structlog

from worker.core.model.snapshot import PipelineSnapshot
from worker.pipeline.in_flight import InFlight

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.pipeline.age_filter import AgeFilter
    from worker.pipeline.dead_letter_queue import DeadLetterQueue
    from worker.pipeline.dispatcher import Dispatcher
    from worker.pipeline.intake import Intake
    from worker.pipeline.parking import Parking
    from worker.pipeline.quarantine import Quarantine
    from worker.pipeline.rebalance import RebalanceHandler
    from worker.pipeline.state import PipelineState
    from worker.ports import Source

log = structlog.get_logger(__name__)

# Mapping this many takes the loop about ten milliseconds: calls wait no longer than that for their turn.
_RECORDS_AT_ONCE = 1000
# After this long without room the partitions are paused. Not sooner, because a pause discards what was
# fetched ahead. Not much later, because rebalances wait while nobody polls.
_PATIENCE_SECONDS = 1.0
_SHARE_AGAIN_SECONDS = 10.0
# The last commit gets at least this long, even when the drain took all its time.
_LEAVE_SECONDS = 5.0


class Pipeline:
    """One worker's pipeline, from the first record to the last commit.

    Args:
        state: the shared state, and how it is woken.
        source: where records come from.
        intake: takes in what the source brings.
        rebalance: handles what the source reports about partitions.
        dispatcher: takes a batch to its end.
        dead_letter_queue: writes records to the dead letters.
        quarantine: keeps unmappable records while it may not be the records' fault.
        parking: keeps the records of partitions that wait for a schema.
        age_filter: filters out what is too old to be sent.
        max_batches: batches in flight at once, including those that wait to be tried again.
        drain_seconds: how long the drain at the end may take.
    """

    def __init__(  # noqa: PLR0913  the stage where all parts meet
        self,
        state: PipelineState,
        *,
        source: Source,
        intake: Intake,
        rebalance: RebalanceHandler,
        dispatcher: Dispatcher,
        dead_letter_queue: DeadLetterQueue,
        quarantine: Quarantine,
        parking: Parking,
        age_filter: AgeFilter,
        max_batches: int,
        drain_seconds: float,
    ) -> None:
        self._source = source
        self._intake = intake
        self._rebalance = rebalance
        self._dispatcher = dispatcher
        self._dead_letter_queue = dead_letter_queue
        self._quarantine = quarantine
        self._parking = parking
        self._age_filter = age_filter
        self._max_batches = max_batches
        self._drain_seconds = drain_seconds
        self._unsettled = state.unsettled
        self._queues = state.queues
        self._permits = state.permits
        self._work = state.work
        self._clock = state.clock
        self._in_flight: dict[asyncio.Task[None], InFlight] = {}
        self._share_at = 0.0
        self.paused = False
        self.draining = False
        self.drains_until = inf
        """When the drain ends, finished or not; ``inf`` before the pipeline is told to stop."""
        self._stopping = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether no batch can be sealed, because too many are in flight."""
        return len(self._in_flight) >= self._max_batches

    def in_flight(self) -> Collection[InFlight]:
        """Return the batches in flight, including those that wait to be tried again."""
        return self._in_flight.values()

    def snapshot(self) -> PipelineSnapshot:
        """Return what is under way now."""
        retried = self._queues.retried + sum(each.retry is not None for each in self.in_flight())
        return PipelineSnapshot(
            paused=self.paused,
            draining=self.draining,
            drains_until=self.drains_until,
            batches=len(self._in_flight),
            is_full=self.is_full,
            retried=retried,
        )

    def stop(self) -> None:
        """Take in no more, finish what is under way within the drain deadline, and end."""
        if self._stopping.is_set():
            return
        self._rebalance.latest = self.drains_until = self._clock() + self._drain_seconds
        self._stopping.set()
        self._unsettled.changed.wake()

    async def run(self) -> None:
        """Run until ``stop``; raises unexpected failures."""
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(self._dispatch(tasks)),
                tasks.create_task(self._dead_letter_queue.run()),
                tasks.create_task(self._parking.run(self._intake.admit_parked, self._intake.is_full)),
            ]
            await self._source.open(self._rebalance)
            while not self._stopping.is_set():
                await self._take_in()
            await self._drain()
            for task in (*background, *self._in_flight):
                task.cancel()

    async def _take_in(self) -> None:
        """Take in some records and queue their interactions, then do the housekeeping."""
        if not self.paused:
            await self._wait_for_room()
        await self._intake.admit_waiting()
        # While paused this brings no records, but it keeps the partitions ours.
        if self.paused or not self._intake.waiting:
            room = self._unsettled.memory.room()
            await self._intake.admit(await self._source.receive(max(1, min(room, _RECORDS_AT_ONCE))))
        await self._housekeeping()

    async def _wait_for_room(self) -> None:
        """Wait a little for room; pause the partitions when there is none in time."""
        until = self._clock() + _PATIENCE_SECONDS
        while self._unsettled.memory.is_full() and not self._stopping.is_set():
            if self._clock() >= until:
                await self._pause()
                return
            await self._unsettled.changed.wait(until)

    async def _pause(self) -> None:
        self.paused = True
        await self._source.pause()
        log.info("intake.paused", unsettled_records=self._unsettled.memory.records)

    async def _housekeeping(self) -> None:
        """Do what is due between two receptions: resuming, the share, offsets, and logging."""
        if self.paused and not self.draining and self._unsettled.memory.has_eased():
            self.paused = False
            await self._source.resume()
            log.info("intake.resumed", unsettled_records=self._unsettled.memory.records)
        if self._rebalance.have_changed and self._clock() >= self._share_at and not self.draining:
            await self._set_share()
        if settled := self._unsettled.tracker.advanced():
            await self._source.store(settled)
        self._quarantine.tell()
        self._parking.tell()
        self._dead_letter_queue.log.tell()

    async def _set_share(self) -> None:
        """Set this pod's share of the quota: its partitions among all."""
        own = len(self._unsettled.tracker)
        total = await self._source.partitions_total() if own else own
        if total is None:
            # Unknown just now, after seconds of asking; the old share holds meanwhile.
            self._share_at = self._clock() + _SHARE_AGAIN_SECONDS
            return
        self._rebalance.have_changed = False
        self._permits.set_share(min(1.0, own / total) if total else 0.0)

    async def _dispatch(self, tasks: asyncio.TaskGroup) -> None:
        """Seal and dispatch a batch whenever a session is due and there is a permit."""
        while True:
            due_at = self._queues.next_due_at() if not self.is_full else None
            if due_at is None or due_at > self._clock():
                await self._work.wait(inf if due_at is None else due_at)
                continue
            # Before the permit, so that old events take no quota; then again for those that aged meanwhile.
            if await self._age_filter.clear():
                continue
            permit = await self._permits.acquire()
            await self._age_filter.clear()
            # While sending is held, the call is a probe: one event is enough to find out.
            batch = self._queues.seal(self._clock(), limit=1 if self._permits.breaker.is_open else None)
            if batch is None:
                permit.release()
                continue
            retry = self._queues.take_retry_state(batch.session_id)
            flight = InFlight(batch, permit, self._clock(), retry)
            task = tasks.create_task(self._dispatcher.dispatch(flight))
            self._in_flight[task] = flight
            task.add_done_callback(self._dispatched)

    def _dispatched(self, task: asyncio.Task[None]) -> None:
        self._in_flight.pop(task, None)
        self._work.wake()

    async def _drain(self) -> None:
        """Finish what is under way, commit, and leave; what is not finished in time is not committed."""
        self.draining = True
        began_at, until = self._clock(), self._rebalance.latest
        unsettled = self._unsettled.count()
        seconds_left = round(max(0.0, until - began_at), 1)
        log.info("drain.began", unsettled_records=unsettled, seconds_left=seconds_left)
        await self._source.pause(for_good=True)
        flushing = asyncio.create_task(self._rebalance.flush(list(self._unsettled.tracker), until))
        while not flushing.done():
            # The group may rebalance meanwhile. What comes in is not tracked, so it is not committed either.
            await self._source.receive(_RECORDS_AT_ONCE)
            await self._housekeeping()
        await self._housekeeping()
        self._dead_letter_queue.log.tell_all()
        seconds = round(self._clock() - began_at, 1)
        log.info("drain.ended", left_to_next_owner=self._unsettled.count(), seconds=seconds)
        await self._leave(max(until, self._clock() + _LEAVE_SECONDS))

    async def _leave(self, until: float) -> None:
        """Commit, then leave the group; skip what remains when the broker takes too long."""
        try:
            async with asyncio.timeout_at(until):
                await self._source.commit()
                await self._source.close()
        except TimeoutError:
            log.warning("leave.timed_out", effect="what was delivered since the last commit is repeated")
