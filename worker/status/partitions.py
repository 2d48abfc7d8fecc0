"""Reports how far each partition is, and what its oldest unsettled record waits for."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from worker.core.model.snapshot import WaitsFor
from worker.core.model.worker_status import PartitionStatus
from worker.status.waiting import dead_letter, kept, schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.assembly import Worker
    from worker.core.model.snapshot import PartitionGauges
    from worker.core.offsets.assignment import Assignment
    from worker.status.waiting import Queue

# Enough to see a pattern; about 300 bytes each.
SHOWN: Final = 100
# The batches in flight for the longest time hold the oldest records.
BATCHES_LOOKED_AT: Final = 2000

Place = tuple["Assignment", int]


def partition_statuses(
    worker: Worker, gauges: Sequence[PartitionGauges], queue: Queue
) -> tuple[PartitionStatus, ...]:
    """Return the partitions that are furthest behind, the worst first: by age, then by lag."""
    assignments = {assignment.partition: assignment for assignment in worker.unsettled.tracker}
    ours = [
        (assignment, each) for each in gauges if (assignment := assignments.get(each.partition)) is not None
    ]
    ours.sort(key=lambda pair: (-_age(pair[0], queue.now), -_lag(pair[1]), pair[1].partition))
    shown = ours[:SHOWN]
    firsts = ((assignment, assignment.first_unsettled()) for assignment, _ in shown)
    in_flight = _in_flight(
        worker, {(assignment, first) for assignment, first in firsts if first is not None}, queue.now
    )
    return tuple(_status(worker, assignment, each, in_flight, queue) for assignment, each in shown)


def total_lag(partitions: Sequence[PartitionGauges]) -> int | None:
    """Return the records that all partitions are behind; None while it is known of none."""
    known = [each.lag_records for each in partitions if each.lag_records is not None]
    return sum(known) if known else None


def most_behind(partitions: Sequence[PartitionGauges]) -> float | None:
    """Return the seconds that a shard is behind at most; None while it is known of none."""
    return max((each.behind_seconds for each in partitions if each.behind_seconds is not None), default=None)


def _status(
    worker: Worker,
    assignment: Assignment,
    gauges: PartitionGauges,
    in_flight: Mapping[Place, WaitsFor],
    queue: Queue,
) -> PartitionStatus:
    return PartitionStatus(
        topic=gauges.partition.topic,
        partition=gauges.partition.number,
        committed_offset=gauges.committed_offset,
        settled_offset=gauges.settled_offset,
        received_offset=gauges.received_offset,
        end_offset=gauges.end_offset,
        lag_records=gauges.lag_records,
        behind_seconds=gauges.behind_seconds,
        lost_records=gauges.lost_records,
        unsettled_records=assignment.unsettled(),
        oldest_seconds=_age(assignment, queue.now),
        oldest_age_seconds=_own_age(assignment, worker.epoch_seconds()),
        waits_for=_waits_for(worker, assignment, gauges, in_flight, queue),
    )


def _lag(gauges: PartitionGauges) -> float:
    """Return how far behind it is, in the unit of its source."""
    return gauges.lag_records or gauges.behind_seconds or 0


def _age(assignment: Assignment, now: float) -> float:
    received_at = assignment.oldest_received_at()
    return 0.0 if received_at is None else now - received_at


def _own_age(assignment: Assignment, epoch_seconds: float) -> float | None:
    """Return the age by the record's timestamp; at least 0, because a producer's clock may be ahead."""
    timestamp_ms = assignment.oldest_timestamp_ms()
    return None if timestamp_ms is None else max(0.0, epoch_seconds - timestamp_ms / 1000)


def _waits_for(
    worker: Worker,
    assignment: Assignment,
    gauges: PartitionGauges,
    in_flight: Mapping[Place, WaitsFor],
    queue: Queue,
) -> WaitsFor:
    received_at, first = assignment.oldest_received_at(), assignment.first_unsettled()
    if received_at is None:
        return _next_waits_for(worker, gauges)
    if first is not None:
        if (found := _unmapped_waits_for(worker, assignment, first, queue.now)) is not None:
            return found
        if (found := in_flight.get((assignment, first))) is not None:
            return found
    return queue.waits_for(received_at + worker.settings.batching.linger_seconds)


def _unmapped_waits_for(worker: Worker, assignment: Assignment, first: int, now: float) -> WaitsFor | None:
    """Say what a record waits for that is no event, or not yet; None if it is one."""
    if worker.dead_letter_queue.has(assignment, first):
        return dead_letter(worker)
    if worker.intake.has_waiting(assignment, first):
        return WaitsFor("memory")
    if worker.quarantine.is_first_kept(assignment, first):
        return kept(worker)
    if (parked_since := worker.parking.parked_since(assignment, first)) is not None:
        return schema(worker, now - parked_since)
    return None


def _next_waits_for(worker: Worker, gauges: PartitionGauges) -> WaitsFor:
    """Say what keeps the next record from coming when nothing is unsettled."""
    if not gauges.is_behind:
        return WaitsFor("nothing")
    source = worker.settings.source
    return WaitsFor("memory") if worker.pipeline.paused else WaitsFor(source, gauges.standing_seconds)


def _in_flight(worker: Worker, wanted: set[Place], now: float) -> dict[Place, WaitsFor]:
    """Return what the ``wanted`` records that are in flight wait for."""
    found = {}
    for flight in islice(worker.pipeline.in_flight(), BATCHES_LOOKED_AT):
        for each in flight.interactions():
            place = each.record.assignment, each.record.offset
            if place in wanted:
                found[place] = flight.waits_for(now)
    return found
