"""The unsettled records: keeps the offset tracker and the memory budget in step.

Every record that comes in leaves exactly once: it is settled (accepted, dead-lettered, skipped), or it is
dropped because its assignment ended and the next owner will have it. One that holds several elements leaves
with the last of them, and each of those leaves exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.model.records import Element, Interaction, element_bytes, held_bytes
from worker.core.model.snapshot import UnsettledSnapshot
from worker.pipeline.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.core.model.records import FanOut, Record
    from worker.core.offsets.memory_budget import MemoryBudget
    from worker.core.offsets.tracker import OffsetTracker


class UnsettledRecords:
    """The offset tracker and memory budget of one worker.

    Args:
        tracker: which records of which assignments are settled.
        memory: how much the unsettled records take.
    """

    def __init__(self, tracker: OffsetTracker, memory: MemoryBudget) -> None:
        self.tracker = tracker
        self.memory = memory
        self.changed = Wakeup()
        """Woken whenever something is settled or dropped."""

    def add(self, record: Record, event: bytes | None = None) -> None:
        """Add a record that came in; it is kept with its encoded event until it is settled."""
        record.assignment.track(record.offset, record.received_at, record.timestamp_ms)
        self.memory.add(held_bytes(record, event))

    def add_event(self, event: bytes) -> None:
        """Keep the encoded event of a record that was added without."""
        self.memory.grow(len(event))

    def divide(self, fan_out: FanOut) -> None:
        """Have a record that was added settled element by element; each is kept with its encoded event."""
        outcomes = fan_out.outcomes
        self.tracker.elements.add(fan_out.record, len(outcomes))
        events = (each.event if isinstance(each, Interaction) else None for each in outcomes)
        self.memory.grow(sum(map(element_bytes, events)), further_elements=len(outcomes) - 1)

    def settle(self, record: Record, event: bytes | None = None) -> None:
        """Settle a record or an element. If its assignment has ended, this only releases its memory."""
        self.tracker.settle(record)
        self._release(record, event)
        self.changed.wake()

    def settle_all(self, interactions: Iterable[Interaction]) -> None:
        """Settle the records, or elements, of these events."""
        for each in interactions:
            self.tracker.settle(each.record)
            self._release(each.record, each.event)
        self.changed.wake()

    def drop(self, interactions: Iterable[Interaction]) -> None:
        """Drop events whose assignments have ended: the next owner has them."""
        for each in interactions:
            if isinstance(each.record, Element):
                self.tracker.elements.leave(each.record)
            self._release(each.record, each.event)
        self.changed.wake()

    def drop_records(self, records: Iterable[Record]) -> None:
        """Drop whole records of which nothing else is held, after their assignments have ended."""
        for each in records:
            self.memory.remove(held_bytes(each))
        self.changed.wake()

    def _release(self, record: Record, event: bytes | None) -> None:
        """Release the memory of a record or an element that has left; the last one releases its record's."""
        if type(record) is not Element:
            self.memory.remove(held_bytes(record, event))
        elif self.tracker.elements.has_some_of(record):
            self.memory.remove_element(element_bytes(event))
        else:
            self.memory.remove(held_bytes(record) + element_bytes(event))

    def snapshot(self, now: float, epoch_seconds: float) -> UnsettledSnapshot:
        """Return what is held ``now`` (by the loop's clock), which is ``epoch_seconds`` of the wall clock."""
        return UnsettledSnapshot(
            records=self.memory.records,
            elements=self.memory.elements,
            bytes=self.memory.bytes,
            oldest_age_seconds=self.oldest_age_seconds(now),
            oldest_record_age_seconds=self.oldest_record_age_seconds(epoch_seconds),
            accepted_uncommitted_records=sum(each.uncommitted() for each in self.tracker),
        )

    def count(self) -> int:
        """Count the unsettled records of open assignments."""
        return sum(assignment.unsettled() for assignment in self.tracker)

    def oldest_age_seconds(self, now: float) -> float:
        """Return how long the oldest unsettled record has been here; 0 with none."""
        received = [at for assignment in self.tracker if (at := assignment.oldest_received_at()) is not None]
        return now - min(received) if received else 0.0

    def oldest_record_age_seconds(self, epoch_seconds: float) -> float:
        """Return the age of the oldest unsettled record, by its timestamp; 0 with none.

        Only the first unsettled record of each partition is considered.
        """
        stamps = [
            stamp for assignment in self.tracker if (stamp := assignment.oldest_timestamp_ms()) is not None
        ]
        # A producer's clock may run ahead of ours.
        return max(0.0, epoch_seconds - min(stamps) / 1000) if stamps else 0.0
