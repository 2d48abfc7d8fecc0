"""Parks the records of partitions whose next record needs a schema that is not known yet.

A parked partition goes on in its order, as soon as the schema is there; the others flow on. Parked records
count as unsettled, so memory bounds them and no offset is committed past them. A revoke and a drain do not
wait for them.

While the registry is away or refuses us, this is a hold of those partitions. It ends by itself: the registry
is asked again and again (``SchemaFetcher``).
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf
from typing import TYPE_CHECKING, Final

import structlog

from worker.core.flow_control.advice import PROBES, advise
from worker.core.flow_control.holds import HoldKind
from worker.core.log_throttle import LogThrottle
from worker.core.model.records import held_bytes
from worker.core.model.snapshot import HoldStatus
from worker.pipeline.schema_fetcher import SchemaFetcher
from worker.pipeline.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.core.model.partition import Partition
    from worker.core.model.records import Record
    from worker.core.offsets.assignment import Assignment
    from worker.formats.protocol import NeedsSchema
    from worker.formats.schemas import SchemaId, Schemas
    from worker.pipeline.state import PipelineState
    from worker.ports import SchemaRegistry

log = structlog.get_logger(__name__)

# Mapping this many takes the loop about ten milliseconds, as in the pipeline.
_RECORDS_AT_ONCE: Final = 1000
MAPPED_BYTES_AT_ONCE: Final = 256 << 10
"""After mapping values of so many bytes, the loop gets its turn: the slowest take seconds for a megabyte."""
# A fault or two that pass by themselves are no hold.
_HELD_AFTER_SECONDS: Final = 5.0
# These do not pass by themselves.
_LASTING: Final = frozenset({"LoginRefused", "Forbidden", "NotTheRegistry"})
# A pattern may match hundreds of topics.
_TOPICS_TOLD: Final = 3


class _Parked:
    """The records of one partition, in order; ``schema_id`` is None once the first of them can be mapped."""

    __slots__ = ("records", "schema_id", "since")

    def __init__(self, schema_id: SchemaId, since: float) -> None:
        self.records: deque[Record] = deque()
        self.schema_id: SchemaId | None = schema_id
        self.since = since


class Parking:
    """The parked records, partition by partition.

    Args:
        state: what the parts of the pipeline share.
        registry: where schemas are fetched; None: there is none.
        schemas: where they go.
    """

    def __init__(self, state: PipelineState, registry: SchemaRegistry | None, schemas: Schemas) -> None:
        self._unsettled = state.unsettled
        self._clock = state.clock
        self._fetcher = SchemaFetcher(registry, schemas, state.clock, self._arrived)
        self.partitions: dict[Partition, _Parked] = {}
        """The parked partitions; empty nearly always."""
        self.bytes = 0
        """What the parked records take of memory."""
        self._ready = Wakeup()
        self._log_throttle = LogThrottle()
        self._told_since: float | None = None

    @property
    def records(self) -> int:
        """How many records are parked."""
        return sum(len(each.records) for each in self.partitions.values())

    def park(self, record: Record, needs: NeedsSchema) -> None:
        """Park a tracked record, and with it the partition, until the schema is there."""
        partition = record.assignment.partition
        parked = self.partitions[partition] = _Parked(needs.id, self._clock())
        parked.records.append(record)
        self.bytes += held_bytes(record)
        self._fetcher.want(needs.id)

    def append(self, record: Record) -> None:
        """Park a tracked record of a partition that is parked: it must not overtake the others."""
        self.partitions[record.assignment.partition].records.append(record)
        self.bytes += held_bytes(record)

    def drop_ended(self) -> None:
        """Drop the records of assignments that have ended: the next owner has them."""
        for partition, parked in list(self.partitions.items()):
            ended = [each for each in parked.records if not each.assignment.open]
            if not ended:
                continue
            parked.records = deque(each for each in parked.records if each.assignment.open)
            self.bytes -= sum(map(held_bytes, ended))
            self._unsettled.drop_records(ended)
            if not parked.records:
                del self.partitions[partition]
        waited_for = (each.schema_id for each in self.partitions.values())
        self._fetcher.keep_only({each for each in waited_for if each is not None})
        self._note_end("left to the next owner")

    def parked_of(self, assignment: Assignment) -> int:
        """Count the records of this assignment's partition that are parked."""
        parked = self.partitions.get(assignment.partition)
        return 0 if parked is None else len(parked.records)

    def parked_since(self, assignment: Assignment, offset: int) -> float | None:
        """Return since when this record keeps its partition parked; None if it does not."""
        parked = self.partitions.get(assignment.partition)
        return parked.since if parked is not None and parked.records[0].offset == offset else None

    async def run(self, admit: Callable[[Record], NeedsSchema | None], is_full: Callable[[], bool]) -> None:
        """Fetch schemas and have parked records admitted, for ever.

        Args:
            admit: maps a tracked record and sees to what it became, or says which schema it needs.
            is_full: whether what the records became fills memory, so that the others have to wait.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fetcher.run())
            while True:
                if self._admit_some(admit, is_full):
                    await asyncio.sleep(0)
                elif any(self._mappable()):
                    await self._unsettled.changed.wait()
                else:
                    await self._ready.wait()

    def holds(self) -> tuple[HoldStatus, ...]:
        """Describe the hold while the registry gives no answers: one hold for all partitions."""
        faults = self._fetcher.faults
        if not faults:
            return ()
        now, first = self._clock(), min(faults.values(), key=lambda each: each.since)
        if now - first.since < _HELD_AFTER_SECONDS and first.code not in _LASTING:
            return ()
        next_at = min(each.next_at for each in faults.values())
        return (
            HoldStatus(
                kind=HoldKind.SCHEMA_REGISTRY,
                reason=self._reason(first.code),
                held_seconds=now - first.since,
                probe=PROBES[HoldKind.SCHEMA_REGISTRY],
                next_probe_seconds=None if next_at == inf else max(0.0, next_at - now),
                advice=advise(HoldKind.SCHEMA_REGISTRY, first.code),
            ),
        )

    def tell(self) -> None:
        """Log a hold at once, then at growing intervals while it lasts, and its end."""
        self._fetcher.forget_unknown()
        for hold in self.holds():
            now = self._clock()
            if self._told_since is None:
                is_due = self._log_throttle.note(hold.kind, now) > 0
            else:
                is_due = self._log_throttle.again(hold.kind, now) is not None
            if is_due:
                self._told_since = now - hold.held_seconds
                log.error(
                    "records.held",
                    kind=hold.kind,
                    reason=hold.reason,
                    advice=hold.advice,
                    records=self.records,
                    held_seconds=round(hold.held_seconds, 1),
                )
            return
        self._note_end("the registry answers again")

    def _note_end(self, effect: str) -> None:
        if self._told_since is not None and not self._fetcher.faults:
            held_seconds = round(self._clock() - self._told_since, 1)
            self._told_since = None
            log.info(
                "records.released",
                kind=HoldKind.SCHEMA_REGISTRY,
                records=self.records,
                held_seconds=held_seconds,
                effect=effect,
            )

    def _reason(self, code: str) -> str:
        """Say what is wrong and which partitions wait; no value of a record."""
        topics: dict[str, int] = {}
        for partition in self.partitions:
            topics[partition.topic] = topics.get(partition.topic, 0) + 1
        told = [f"{count} of topic {topic}" for topic, count in list(topics.items())[:_TOPICS_TOLD]]
        if len(topics) > _TOPICS_TOLD:
            told.append(f"and those of {len(topics) - _TOPICS_TOLD} topics more")
        reason = f"{code}; partitions that wait for a schema: {', '.join(told)}"
        if self._unsettled.memory.is_full():
            reason += "; memory is full of what waits, so nothing more is received"
        return reason

    def _arrived(self, schema_id: SchemaId) -> None:
        for parked in self.partitions.values():
            if parked.schema_id == schema_id:
                parked.schema_id = None
        self._ready.wake()

    def _admit_some(self, admit: Callable[[Record], NeedsSchema | None], is_full: Callable[[], bool]) -> int:
        """Have some records admitted, those of each partition in order; return how many were tried."""
        tried = 0
        mappable = list(self._mappable())
        for partition, parked in mappable:
            tried_of_it = self._admit_some_of(parked, len(mappable), admit, is_full)
            if tried_of_it:
                # To the end: whoever got no turn, because memory is full, is the first with the next room.
                del self.partitions[partition]
                if parked.records:
                    self.partitions[partition] = parked
            tried += tried_of_it
        return tried

    def _admit_some_of(
        self,
        parked: _Parked,
        partitions: int,
        admit: Callable[[Record], NeedsSchema | None],
        is_full: Callable[[], bool],
    ) -> int:
        tried, size = 0, 0
        most, most_bytes = -(-_RECORDS_AT_ONCE // partitions), MAPPED_BYTES_AT_ONCE // partitions
        while parked.records and tried < most and size <= most_bytes and not is_full():
            tried += 1
            size += len(parked.records[0].value or b"")
            needs = admit(parked.records[0])
            if needs is not None:
                parked.schema_id, parked.since = needs.id, self._clock()
                self._fetcher.want(needs.id)
                break
            self.bytes -= held_bytes(parked.records.popleft())
        return tried

    def _mappable(self) -> Iterator[tuple[Partition, _Parked]]:
        return ((key, each) for key, each in self.partitions.items() if each.schema_id is None)
