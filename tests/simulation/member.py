"""One worker of the group, as long as it lives: the real one, between simulated edges."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Final

from tests.simulation.configuring import configuration
from tests.simulation.consumer import SimulatedConsumer
from tests.simulation.oracle import Oracle
from tests.simulation.registry import RegistryOf
from tests.simulation.schema_mapping import SchemaMapping
from tests.support.stage import EPOCH_SECONDS
from tests.support.twins import TOPIC, MeterTwin
from worker.assembly import Adapters, assemble
from worker.core.model.boundary import Through
from worker.core.model.records import Element, Record
from worker.dead_letters import letter
from worker.dead_letters.reading import open_letter
from worker.formats.protocol import NeedsSchema
from worker.sources.kafka.source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.simulation.schedule import MemberSettings, Slot
    from tests.simulation.world import World
    from worker.core.model.boundary import Boundary
    from worker.core.model.outcomes import Answer
    from worker.core.model.partition import Partition
    from worker.core.model.records import Batch, Mapped, Reason, Skipped
    from worker.core.offsets.assignment import Assignment
    from worker.dead_letters.reading import Letter
    from worker.ports import RebalanceListener

CURRENT: ContextVar[Member | None] = ContextVar("member", default=None)
"""The worker whose code is running."""

# The last commit gets so long, whatever the drain took; that of each revoke before it as long again.
LEAVE_SECONDS: Final = 5.0
COMMIT_SECONDS: Final = 5.0
_A_MOMENT: Final = 1.0
_AN_INSTANT: Final = 1e-6


class WatchedRebalances:
    """What the worker is told of its partitions, told to the oracle too."""

    def __init__(self, told: RebalanceListener, member: Member) -> None:
        self._member = member
        self._told = told

    def assigned(self, partitions: Sequence[Partition]) -> Sequence[Assignment]:
        self._taken_away(partitions)
        return self._told.assigned(partitions)

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Boundary]:
        began_at, unmapped = self._member.now(), self._member.unmapped()
        settled = await self._told.revoked(partitions)
        self._member.flushed({number for _, number in partitions}, unmapped, began_at)
        self._taken_away(partitions)
        return settled

    def cut(self, partition: Partition, position: int) -> Assignment:
        return self._told.cut(partition, position)

    def committed(self, boundaries: Mapping[Partition, Boundary]) -> None:
        self._told.committed(boundaries)

    def lost(self, partitions: Sequence[Partition]) -> None:
        self._told.lost(partitions)
        self._taken_away(partitions)

    def _taken_away(self, partitions: Sequence[Partition]) -> None:
        for _, number in partitions:
            self._member.oracle.held.taken_away(number)


class WatchedSource(KafkaSource):
    """The real source, watched by the oracle."""

    member: Member

    async def open(self, listener: RebalanceListener) -> None:
        await super().open(WatchedRebalances(listener, self.member))

    async def store(self, boundaries: Mapping[Partition, Boundary]) -> None:
        self.member.stores(boundaries)
        await super().store(boundaries)

    async def receive(self, max_records: int) -> Sequence[Record]:
        # What waits for its schema may grow while it is received: that is seen with the next reception.
        was_full = self.member.is_full()
        records = await super().receive(max_records)
        self.member.received(records, is_full=was_full and self.member.is_full())
        return records


class Member:
    """A worker process."""

    def __init__(self, world: World, name: str, slot: Slot, settings: MemberSettings) -> None:
        self.world = world
        self.name = name
        self.slot = slot
        self.settings = settings
        self.registry = RegistryOf(self)
        self._mapping = SchemaMapping()
        self.oracle = Oracle(name, settings, world.truth, world.breach)
        self.consumer = SimulatedConsumer(world, self)
        self.is_dead = False
        self.is_stopping = False
        self._stopped_at = 0.0
        self._frozen_seconds = 0.0
        self._revokes_while_stopping = 0
        self.commits_arrive_at = 0.0
        self.now = asyncio.get_running_loop().time
        self._source = WatchedSource(
            {},
            (TOPIC,),
            commit_seconds=settings.commit_seconds,
            clock=self.now,
        )
        self._source.member = self
        adapters = Adapters(
            self._source,
            self._map,
            self,
            _Letters(world, self),
            _Meter(self),
            self.epoch_seconds,
            registry=self.registry,
            schemas=self._mapping.schemas,
        )
        self.worker = assemble(configuration(settings), adapters, self.now)
        context = copy_context()
        context.run(CURRENT.set, self)
        self.task = asyncio.get_running_loop().create_task(self.worker.pipeline.run(), context=context)

    def epoch_seconds(self) -> float:
        return EPOCH_SECONDS + self.now()

    def _map(self, record: Record) -> Mapped | NeedsSchema:
        mapped = self._mapping.map(record)
        if isinstance(mapped, NeedsSchema):
            self.world.saw("a record that waits for its schema")
        else:
            self.oracle.maps(record)
        return mapped

    def is_member(self) -> bool:
        """Whether the group can give it something."""
        return not (self.is_dead or self.consumer.is_closed or self.task.done())

    def must_live(self) -> None:
        """Nothing that a killed process begins has an effect."""
        if self.is_dead:
            raise asyncio.CancelledError

    def crash(self) -> None:
        """kill -9: what it has sent is on its way, else nothing of it is left."""
        self.is_dead = True
        self.task.cancel()

    def terminate(self) -> None:
        """SIGTERM."""
        self.is_stopping, self._stopped_at = True, self.now()
        self.worker.pipeline.stop()
        self.consumer.wake()

    def gives_a_consumer_up(self) -> None:
        """A consumer of it is being closed: its last one, if it is stopping."""
        if not self.is_stopping and self.oracle.held.count:
            self.world.saw("a consumer that gave way to another with records unsettled")

    def renew(self) -> None:
        """It is told that its login has changed, and so has to take another consumer."""
        self._source.renew({}, anew=True)
        self.consumer.wake()

    def next_consumer(self) -> SimulatedConsumer:
        """What librdkafka makes; it takes the place of the one in use once it subscribes."""
        return SimulatedConsumer(self.world, self) if self.consumer.is_subscribed else self.consumer

    def frozen(self, seconds: float) -> None:
        """It was stopped for so long, which is no time of its own."""
        if self.is_stopping:
            self._frozen_seconds += seconds

    async def put(self, batch: Batch) -> Answer:
        """A call; implements ``ports.PutEvents``."""
        self.must_live()
        sent_at = self.now()
        self.world.note(self.name, "sends", batch)
        receipts = self.oracle.calls(batch, sent_at)
        try:
            answer = await self.world.api.put(self, batch)
        finally:
            self.oracle.call_ended(batch)
        self.must_live()
        self.world.note(self.name, "hears", type(answer).__name__, "of", batch.session_id)
        self.world.saw(f"a call answered {type(answer).__name__}")
        self.consumer.hasten()
        self.oracle.answered(receipts, answer, sent_at, self.now())
        return answer

    def is_full(self) -> bool:
        """Whether its memory is at its bound."""
        backlog = self.worker.unsettled.memory
        return (
            backlog.records >= self.settings.max_unsettled_records
            or backlog.bytes >= self.settings.max_unsettled_bytes
        )

    def received(self, records: Sequence[Record], *, is_full: bool) -> None:
        """The source hands over records; in a drain nobody looks at them."""
        if not records or self.worker.pipeline.draining:
            return
        self.world.note(self.name, "receives", *records)
        self.oracle.received(records, is_full=is_full, partitions=len(self.world.partitions))

    def stores(self, boundaries: Mapping[Partition, Boundary]) -> None:
        """The worker says what may be committed."""
        for (_, number), boundary in boundaries.items():
            offset = boundary.position + isinstance(boundary, Through)
            if (held := self.consumer.held.get(number)) is not None:
                self.world.note(self.name, "stores", number, offset)
                self.world.check_offset(held, offset, f"{self.name} stores")

    def heard(self, event: Mapping[str, object]) -> None:
        """It logs."""
        self.world.note(self.name, "logs", *event.values())
        self.world.saw(" ".join(str(event[each]) for each in ("event", "kind") if each in event))

    def unmapped(self) -> set[str]:
        """The records that it has and has not mapped: its memory is full, or they wait for a schema."""
        waiting = self.worker.intake._waiting  # noqa: SLF001  no edge shows it
        parked = (each for one in self.worker.parking.partitions.values() for each in one.records)
        return {self.world.truth.of(each).name for each in (*waiting, *parked)}

    def flushed(self, partitions: set[int], unmapped: set[str], began_at: float) -> None:
        """A revoke: all of it was done with, or the time was over, or the gate was held."""
        until = began_at + self.settings.revoke_seconds
        if self.is_stopping:
            self._revokes_while_stopping += not self.consumer.is_closing
            until = min(until, self._stopped_at + self.settings.drain_seconds)
        had_time = self.now() < until - _AN_INSTANT and not self.worker.permits.breaker.holds
        self.oracle.gave_back(partitions, unmapped, had_time=had_time)

    def ended(self) -> str | None:
        """After its task is done: what was wrong with the end, if anything."""
        if self.is_dead:
            return None
        if not self.is_stopping:
            return f"{self.name} ended by itself"
        seconds = self.now() - self._stopped_at - self._frozen_seconds
        most = self.settings.drain_seconds + LEAVE_SECONDS + _A_MOMENT
        most += COMMIT_SECONDS * (1 + self._revokes_while_stopping)
        return f"{self.name} took {seconds:.1f} s to end" if seconds > most else None

    def rest(self) -> str | None:
        """With everything done and no fault left: what of it is not at rest, if anything."""
        unsettled, permits, parking = self.worker.unsettled, self.worker.permits, self.worker.parking
        # Of a topic of which nothing can be mapped, the last are kept until something can.
        kept = sum(each.kept for each in self.worker.quarantine.streaks.values())
        states = {
            "backlog": unsettled.memory.records == kept and bool(unsettled.memory.bytes) == bool(kept),
            "calls": permits.limiter.in_flight == 0 and self.oracle.under_way.total() == 0,
            "records": self.oracle.held.count == kept,
            "holds": not any(hold.kind == "dead_letters" for hold in permits.breaker.holds),
            "parked": not (parking.partitions or parking.bytes or parking.holds()),
            "flow": not self.worker.pipeline.paused,
        }
        return next((f"{self.name}: {name}" for name, is_at_rest in states.items() if not is_at_rest), None)


class _Meter(MeterTwin):
    """Hears of what is skipped."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        self._member = member

    def fanned_out(self, elements: int) -> None:
        super().fanned_out(elements)
        if self._member.worker.intake.waiting:
            self._member.world.saw("records that waited unmapped for memory")

    def skipped(self, skipped: Skipped) -> None:
        member = self._member
        written = member.world.truth.of(skipped.record)
        member.world.note(member.name, "skips", written, skipped.rule)
        member.oracle.skips(written, skipped.rule, member.now())


class _Letters:
    """The dead-letter topic as one worker sees it; implements ``ports.DeadLetters``."""

    def __init__(self, world: World, member: Member) -> None:
        self._world = world
        self._member = member

    async def write(self, record: Record, reason: Reason, _: int) -> None:
        self._member.must_live()
        written = self._world.truth.of_letter(self._letter(record, reason))
        if isinstance(record, Element):
            self._world.saw("a dead letter of an element")
        self._world.note(self._member.name, "dead-letters", written.name, reason.kind)
        receipt = self._member.oracle.dead_letters(written, reason, self._member.now())
        await self._world.dead_letters.write(written)
        self._member.must_live()
        self._member.consumer.hasten()
        self._member.oracle.held.settle(receipt)

    def _letter(self, record: Record, reason: Reason) -> Letter:
        """What stands in the topic, as a reader of it sees it."""
        at = self._member.epoch_seconds()
        made = letter.letter_headers(record, reason, 0, failed_at_seconds=at, version="")
        headers = tuple((name, value) for name, value in made if not isinstance(value, str))
        found = open_letter(
            Record(record.assignment, record.offset, record.timestamp_ms, record.key, record.value, headers)
        )
        assert found is not None
        return found
