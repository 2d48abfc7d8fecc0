"""The world: workers, table and stream, and what the schedule does to them."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tests.simulation.chance import Chance
from tests.simulation.leases import schedule as steps
from tests.simulation.leases.foreign import ForeignWorker
from tests.simulation.leases.oracle import Oracle
from tests.simulation.leases.reader import Reader
from tests.simulation.leases.stream import Stream
from tests.simulation.leases.table import SharedTable, TableOf
from worker.sources.kinesis.lease_keeper import LeaseKeeper
from worker.sources.kinesis.lease_parts import lease_parts
from worker.sources.kinesis.ports import TableFault

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.support.virtual_time import Turn, VirtualLoop
    from worker.core.leases.shards import Shard

FAILOVER_SECONDS = 10.0
_PUT_SECONDS = 1.3
_CONVERGES_SECONDS = 900.0

CURRENT: ContextVar[Any] = ContextVar("worker", default=None)


class Broken(Struct, frozen=True):
    """A promise that was broken."""

    promise: str
    how: str


class Worker:
    """One process: a keeper and a reader."""

    def __init__(self, world: World, place: int, life: int) -> None:
        self.world = world
        self.place = place
        self.worker_id = f"personalize-worker/pod-{place}/{life}"
        self.member = world.schedule.members[place]
        self.is_dead = False
        self.wall_offset = 0.0
        self._draws = 0
        self._task: asyncio.Task[None] | None = None
        # In order, so that every run of a seed is the same.
        self._own: dict[asyncio.Task[Any], None] = {}
        self.keeper = LeaseKeeper(
            lease_parts(
                TableOf(world, self.worker_id, place),
                self._list_shards,
                worker_id=self.worker_id,
                failover_seconds=FAILOVER_SECONDS,
                start=world.schedule.start,
                clock=self.clock,
                sleep=asyncio.sleep,
                draw=self._draw,
            )
        )
        self.reader = Reader(world, self.worker_id, self.keeper, self.member.settle_seconds)
        self.reader.is_stubborn = self.member.is_stubborn

    def clock(self) -> float:
        return self.world.loop.time() + self.member.offset

    def wall_clock(self) -> float:
        return self.clock() + self.wall_offset

    def _draw(self) -> float:
        self._draws += 1
        return self.world.chance.draw("draw", self.worker_id, self._draws).part()

    async def _list_shards(self) -> tuple[Shard, ...] | TableFault:
        await asyncio.sleep(0.02)
        if self.world.lists_fail_until > self.world.loop.time():
            self.world.saw("a list of shards that failed")
            return TableFault("away")
        return self.world.stream.listing()

    def begin(self) -> None:
        CURRENT.set(self)
        self.spawn(self.keeper.run())
        self.spawn(self.reader.run())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.world.loop.create_task(work)
        self._own[task] = None
        task.add_done_callback(lambda ended: self._own.pop(ended, None))

    def die(self) -> None:
        self.is_dead = True
        for task in tuple(self._own):
            task.cancel()

    async def leave(self) -> None:
        CURRENT.set(self)
        await self.reader.leave()
        self.die()


class World:
    """Everything."""

    def __init__(self, schedule: steps.Schedule, loop: VirtualLoop) -> None:
        self.schedule = schedule
        self.loop = loop
        self.chance = Chance(schedule.seed)
        self.stream = Stream(schedule)
        self.table = SharedTable(self)
        self.oracle = Oracle(self)
        self.broken: Broken | None = None
        self.seen: Counter[str] = Counter()
        self.trace: list[tuple[float, str]] = []
        self.lists_fail_until = 0.0
        self._workers: dict[int, Worker] = {}
        self._lives = 0
        self._table_faults: list[tuple[float, str, int | None]] = []
        self._frozen: dict[Worker, list[Turn]] = {}
        self._over: asyncio.Future[None] = loop.create_future()

    async def play(self) -> None:
        for step in self.schedule.steps:
            self.loop.call_at(step.at, self._do, step)
        producing = self.loop.create_task(self._produce())
        ending = self.loop.create_task(self._end())
        await asyncio.wait({ending, self._over}, return_when=asyncio.FIRST_COMPLETED)
        producing.cancel()
        ending.cancel()
        self.saw("a repeat", self.oracle.repeats())

    async def _produce(self) -> None:
        while self.loop.time() < self.schedule.faults_seconds + 30:
            self.stream.put()
            await asyncio.sleep(_PUT_SECONDS)

    async def _end(self) -> None:
        await asyncio.sleep(self.schedule.faults_seconds)
        if not self.alive():
            self._start(0)
        ends, amiss = self.loop.time() + _CONVERGES_SECONDS, self.oracle.amiss()
        await asyncio.sleep(60)
        while (amiss := self.oracle.amiss()) is not None:
            if self.loop.time() > ends:
                self.breach("at the end all is read, by one owner each, in fair shares", amiss)
            await asyncio.sleep(5)

    def breach(self, promise: str, how: str) -> None:
        if self.broken is None:
            self.broken = Broken(promise, how)
            self.tell(f"BROKEN {promise}: {how}")
            if not self._over.done():
                self._over.set_result(None)

    def tell(self, what: str) -> None:
        self.trace.append((self.loop.time(), what))

    def saw(self, what: str, times: int = 1) -> None:
        self.seen[what] += times

    def alive(self) -> list[Worker]:
        return [each for each in self._workers.values() if not each.is_dead]

    def fault_of_table(self, place: int | None) -> str | None:
        now = self.loop.time()
        for until, kind, whose in self._table_faults:
            if now < until and whose in (None, place):
                return kind
        return None

    def tasks(self, work: Coroutine[Any, Any, None]) -> None:
        """A task of the worker that asks for it."""
        worker = CURRENT.get()
        assert worker is not None
        worker.spawn(work)

    def _do(self, step: steps.Step) -> None:  # noqa: C901, PLR0912  one case for each kind
        now = self.loop.time()
        self.tell(str(step))
        self.saw(f"step {type(step).__name__}")
        match step:
            case steps.Start(worker=place):
                self._start(place)
            case steps.Crash(worker=place):
                self._crash(place)
            case steps.Terminate(worker=place):
                if self._is_up(place):
                    self.loop.create_task(self._workers[place].leave())
                self.loop.call_later(20, self._start, place)
            case steps.Freeze(worker=place, seconds=seconds):
                if self._is_up(place):
                    self._freeze(self._workers[place], seconds)
            case steps.ClockJump(worker=place, by=by):
                if self._is_up(place):
                    self._workers[place].wall_offset += by
            case steps.TableFaults(seconds=seconds, kind=kind, worker=whose):
                self._table_faults.append((now + seconds, kind, whose))
            case steps.ListFaults(seconds=seconds):
                self.lists_fail_until = now + seconds
            case steps.Split(pick=pick):
                self.stream.split(pick)
            case steps.Merge(pick=pick):
                self.stream.merge(pick)
            case steps.Trim():
                self._trim()
            case steps.DeleteRow(pick=pick):
                self._delete_row(pick)
            case steps.Foreign(seconds=seconds):
                self._lives += 1
                task = self.loop.create_task(ForeignWorker(self, self._lives).run())
                self.loop.call_later(seconds, task.cancel)

    def _is_up(self, place: int) -> bool:
        return place in self._workers and not self._workers[place].is_dead

    def _start(self, place: int) -> None:
        if self._is_up(place):
            return
        self._lives += 1
        worker = Worker(self, place, self._lives)
        self._workers[place] = worker
        self.loop.call_soon(worker.begin)

    def _crash(self, place: int) -> None:
        if self._is_up(place):
            worker = self._workers[place]
            if worker in self._frozen:
                self._thaw(worker)
            worker.die()
        self.loop.call_later(5, self._start, place)

    def _freeze(self, worker: Worker, seconds: float) -> None:
        self._frozen.setdefault(worker, [])
        self.loop.keep_back = self._keep_back
        self.loop.call_later(seconds, self._thaw, worker)

    def _thaw(self, worker: Worker) -> None:
        self.loop.ready.extend(self._frozen.pop(worker, ()))
        if not self._frozen:
            self.loop.keep_back = None

    def _keep_back(self, turn: Turn) -> bool:
        worker = turn.context.get(CURRENT)
        kept = None if worker is None else self._frozen.get(worker)
        if kept is None:
            return False
        kept.append(turn)
        return True

    def _trim(self) -> None:
        for key, shard in self.stream.shards.items():
            row = self.table.rows.get(key)
            older = (self.stream.shards[parent].is_listed for parent in shard.parents)
            if shard.is_closed and row is not None and row.is_finished and not any(older):
                shard.is_listed = False
                self.saw("a shard that left the list")

    def _delete_row(self, pick: float) -> None:
        rows = sorted(self.table.rows)
        if rows:
            key = rows[int(pick * len(rows))]
            row = self.table.rows[key]
            self.tell(f"row of {key} is deleted: {row.owner}, {row.checkpoint}")
            self.oracle.somebody_deletes(key)
            del self.table.rows[key]
