"""One worker, as long as it lives: the real one with the real Kinesis source, between simulated edges."""
# ruff: noqa: SLF001  a process that is killed is asked nothing

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.configuring import configuration
from tests.simulation.member import (
    CURRENT,
    LEAVE_SECONDS,
    Member,
    WatchedRebalances,
    _Letters,
    _Meter,
)
from tests.simulation.oracle import Oracle
from tests.simulation.schema_mapping import SchemaMapping
from tests.support.kinesis_cloud import Cloud
from tests.support.stage import EPOCH_SECONDS
from worker.assembly import Adapters, assemble
from worker.core.leases.lease import Sentinel
from worker.sources.kinesis.calls import StreamCalls
from worker.sources.kinesis.fetch_budget import FetchBudget
from worker.sources.kinesis.lease_keeper import LeaseKeeper
from worker.sources.kinesis.lease_parts import lease_parts
from worker.sources.kinesis.lease_table import DynamoLeaseTable
from worker.sources.kinesis.readers import Readers, Times
from worker.sources.kinesis.shard_list import ShardList
from worker.sources.kinesis.source import KinesisSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.simulation.kinesis.schedule import Slot
    from tests.simulation.kinesis.world import World
    from worker.aws.json_client import Answered, AwsFault
    from worker.core.model.boundary import Boundary
    from worker.core.model.outcomes import Answer
    from worker.core.model.partition import Partition
    from worker.core.model.records import Batch, Reason, Record
    from worker.core.offsets.assignment import Assignment
    from worker.ports import RebalanceListener

STREAM: Final = "clicks"
TABLE: Final = "leases"
KIND: Final = "personalize-worker"
FETCHED_BYTES: Final = 1 << 20
_A_MOMENT: Final = 1.5
__all__ = ["Cloud", "KinesisMember"]


class WatchedLeases(WatchedRebalances):
    """What the worker is told of its shards, told to the oracle too."""

    _member: KinesisMember

    def assigned(self, partitions: Sequence[Partition]) -> Sequence[Assignment]:
        for _, number in partitions:
            self._member.floors[number] = self._member.world.leases.checkpointed(self._member, number)
        return super().assigned(partitions)


class WatchedSource(KinesisSource):
    """The real source, watched by the oracle."""

    member: KinesisMember

    async def open(self, listener: RebalanceListener) -> None:
        await super().open(WatchedLeases(listener, self.member))

    async def store(self, boundaries: Mapping[Partition, Boundary]) -> None:
        self.member.stores(boundaries)
        await super().store(boundaries)

    async def receive(self, max_records: int) -> Sequence[Record]:
        records = await super().receive(max_records)
        self.member.received(records)
        return records


class _NoConsumer:
    """What a member of a Kafka group has."""

    is_closed = is_closing = False

    def wake(self) -> None:
        """Nobody waits there."""

    hasten = wake


class KinesisMember(Member):
    """A worker process."""

    world: World  # type: ignore[assignment]  # a world of another source

    def __init__(self, world: World, name: str, slot: Slot) -> None:
        self.world = world
        self.name = name
        self.slot = slot  # type: ignore[assignment]  # it has one slot more
        self.config = world.member(slot)
        self.settings = self.config.settings
        self._mapping = SchemaMapping()
        self.oracle = Oracle(name, self.settings, world.truth, world.breach)
        self.consumer = _NoConsumer()  # type: ignore[assignment]  # this source has none
        self.is_dead = self.is_stopping = False
        self._stopped_at = self._frozen_seconds = 0.0
        self._revokes_while_stopping = 0
        self.floors: dict[int, int | None] = {}
        """By shard: what was checkpointed when it was begun."""
        self.thawed_at = 0.0
        self._timed_out = False
        self._draws = 0
        self.now = asyncio.get_running_loop().time
        self.budget = FetchBudget(FETCHED_BYTES)
        adapters = Adapters(
            self._source(),
            self._map,
            self,
            _KinesisLetters(world, self),  # type: ignore[arg-type]  # to a stream, not to a topic
            _Meter(self),
            self.epoch_seconds,
        )
        self.worker = assemble(configuration(self.settings), adapters, self.now)
        context = copy_context()
        context.run(CURRENT.set, self)
        self.task = asyncio.get_running_loop().create_task(self.worker.pipeline.run(), context=context)

    @property
    def worker_id(self) -> str:
        return f"{KIND}/{self.name}"

    def _source(self) -> WatchedSource:
        shards = ShardList({STREAM: StreamCalls(self._call, STREAM)})
        self.keeper = LeaseKeeper(
            lease_parts(
                DynamoLeaseTable(self._call, TABLE),
                shards.all,
                worker_id=self.worker_id,
                failover_seconds=self.world.schedule.failover_seconds,
                start=Sentinel[self.world.schedule.start],
                clock=lambda: self.now() + self.config.clock_offset,
                sleep=asyncio.sleep,
                draw=self._draw,
                epoch_seconds=self._wall_clock,
            )
        )
        times = Times(self.now, self._wall_clock)
        readers = Readers(shards, self.budget, start_at=None, times=times, draw=self._draw)
        source = WatchedSource(self.keeper, readers, clock=self.now)
        source.member = self
        self.source = source
        return source

    def epoch_seconds(self) -> float:
        return EPOCH_SECONDS + self.now()

    def _wall_clock(self) -> float:
        return self.epoch_seconds() + self.config.wall_offset

    def _draw(self) -> float:
        self._draws += 1
        return self.world.chance.draw("draw", self.name, self._draws).part()

    async def _call(self, target: str, body: bytes) -> Answered | AwsFault:
        self.must_live()
        answer = await self.world.edge.call(self, target, body)
        self.must_live()
        return answer

    def frozen(self, seconds: float) -> None:
        """It was stopped for so long, which is no time of its own."""
        super().frozen(seconds)
        self.thawed_at = self.now()

    async def put(self, batch: Batch) -> Answer:
        """A call; implements ``ports.PutEvents``."""
        self.must_live()
        for each in batch.interactions:
            self.world.leases.check_owner(self, each.record.assignment.partition.number)
        return await super().put(batch)

    def crash(self) -> None:
        """kill -9: what it has sent is on its way, else nothing of it is left."""
        super().crash()
        self._end_tasks()

    def _end_tasks(self) -> None:
        source = self.source
        shards = [each.reading for each in source._shards.values()]
        for task in (*getattr(source, "_keeping", ()), *shards, *source._handing_over):
            task.cancel()

    def exit(self) -> None:
        """The process ends; who could not leave in time leaves its tasks to that."""
        if self._timed_out:
            self._end_tasks()

    def heard(self, event: Mapping[str, object]) -> None:
        """It logs."""
        self._timed_out = self._timed_out or event.get("event") == "leave.timed_out"
        super().heard(event)

    def is_member(self) -> bool:
        """Whether it is at work."""
        return not (self.is_dead or self.task.done())

    def received(self, records: Sequence[Record]) -> None:
        """The source hands over records; in a drain nobody looks at them."""
        if records and self.worker.pipeline.draining:
            self.world.breach("a paused source brings nothing", f"{self.name} got {len(records)} in a drain")
        if not records:
            return
        self.world.note(self.name, "receives", *records)
        for record in records:
            number = record.assignment.partition.number
            self.world.leases.check_parents(self, number)
            if record.offset <= (self.floors.get(number) or -1):
                self.world.breach("what is checkpointed is not read again", f"{self.name}: {record.offset}")
        backlog = self.worker.unsettled.memory
        is_full = backlog.records >= self.settings.max_unsettled_records
        self.oracle.received(records, is_full=is_full, partitions=len(self.world.shards()))

    def stores(self, boundaries: Mapping[Partition, Boundary]) -> None:
        """The worker says what may be checkpointed."""
        for (_, number), boundary in boundaries.items():
            if boundary.last is not None:
                self.world.note(self.name, "stores", number, boundary.last)
                self.world.leases.check_position(number, boundary.last, f"{self.name} stores")

    def ended(self) -> str | None:
        """After its task is done: what was wrong with the end, if anything."""
        if self.is_dead:
            return None
        if not self.is_stopping:
            return f"{self.name} ended by itself"
        seconds = self.now() - self._stopped_at - self._frozen_seconds
        most = self.settings.drain_seconds + LEAVE_SECONDS + _A_MOMENT
        return f"{self.name} took {seconds:.1f} s to end" if seconds > most else None


class _KinesisLetters(_Letters):
    """The place of dead letters as one worker sees it; implements ``ports.DeadLetters``."""

    async def write(self, record: Record, reason: Reason, _: int) -> None:
        member: Any = self._member
        member.must_live()
        written = member.world.truth.of(record)
        member.world.note(member.name, "dead-letters", written.name, reason.kind)
        receipt = member.oracle.dead_letters(written, reason, member.now())
        await member.world.dead_letters.write(written)
        member.must_live()
        member.oracle.held.settle(receipt)
