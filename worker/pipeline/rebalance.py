"""Handles rebalances: partitions that are assigned, revoked or lost.

On a revoke the queues of those partitions are flushed under one deadline. What is settled by then is
committed, and the rest is left to the next owner. Lost partitions belong to somebody else already: nothing of
them is committed, whatever is still in flight.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.core.model.boundary import Boundary
    from worker.core.model.partition import Partition
    from worker.core.offsets.assignment import Assignment
    from worker.pipeline.intake import Intake
    from worker.pipeline.quarantine import Quarantine
    from worker.pipeline.state import PipelineState

log = structlog.get_logger(__name__)


class Flush(Struct, frozen=True):
    """Assignments that are to end, and the time they have. Times are seconds of the loop's clock."""

    assignments: Sequence[Assignment]
    began_at: float
    until: float

    @property
    def partitions(self) -> int:
        """How many partitions are flushed."""
        return len(self.assignments)

    def unsettled(self) -> int:
        """Count their unsettled records."""
        return sum(each.unsettled() for each in self.assignments)


class RebalanceHandler:
    """Opens and ends assignments as the source says; implements ``ports.RebalanceListener``.

    Args:
        state: what the parts of the pipeline share.
        quarantine: keeps unmappable records, for which a flush does not wait.
        intake: keeps records that are not mapped yet, for which it does not wait either.
        revoke_seconds: how long the flush of a revoke takes at most.
    """

    def __init__(
        self, state: PipelineState, quarantine: Quarantine, intake: Intake, *, revoke_seconds: float
    ) -> None:
        self._quarantine = quarantine
        self._intake = intake
        self._unsettled = state.unsettled
        self._queues = state.queues
        self._permits = state.permits
        self._metrics = state.metrics
        self._work = state.work
        self._ended = state.assignments_ended
        self._clock = state.clock
        self._revoke_seconds = revoke_seconds
        self.latest = inf
        """When every flush ends, whatever its own deadline; set when the worker is told to stop."""
        self.have_changed = True
        """Whether assignments have changed; whoever recalculates this pod's share of the quota resets it."""
        self.none_since: float | None = state.clock()
        """Since when there has been no assignment; None while there is one."""
        self.changed_at = state.clock()
        """When assignments last changed."""
        self.flushing: Flush | None = None
        """The flush that is under way, if any."""

    def assigned(self, partitions: Sequence[Partition]) -> Sequence[Assignment]:
        """Open an assignment for each partition."""
        if self._unsettled.tracker.assignments(partitions):
            # Assigned again without a revoke in between: its queued records will be received once more.
            self._end(partitions)
        assignments = [self._unsettled.tracker.open(each) for each in partitions]
        self._note("assigned", partitions)
        return assignments

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Boundary]:
        """Flush them under one deadline, end their assignments, and return how far they are settled."""
        assignments, began_at = self._unsettled.tracker.assignments(partitions), self._clock()
        await self._hand_over(assignments, began_at)
        boundaries = {each.partition: each.settled_up_to() for each in assignments}
        left = sum(each.unsettled() for each in assignments)
        self._end(partitions)
        seconds = round(self._clock() - began_at, 1)
        self._note("revoked", partitions, unsettled_records=left, seconds=seconds)
        return {key: boundary for key, boundary in boundaries.items() if boundary is not None}

    def cut(self, partition: Partition, position: int) -> Assignment:
        """Continue from ``position`` under a new assignment; what is held is delivered all the same."""
        return self._unsettled.tracker.cut(partition, position)

    def lost(self, partitions: Sequence[Partition]) -> None:
        """End the assignments of lost partitions at once."""
        left = sum(each.unsettled() for each in self._unsettled.tracker.assignments(partitions))
        self._end(partitions)
        self._note("lost", partitions, unsettled_records=left)

    def committed(self, boundaries: Mapping[Partition, Boundary]) -> None:
        """Note what a crash would no longer repeat."""
        self._unsettled.tracker.note_committed(boundaries)
        self._metrics.committed()

    async def flush(self, assignments: Sequence[Assignment], until: float) -> None:
        """Wait until these assignments are settled, waiting is no use any more, or the time is over."""
        for assignment in assignments:
            assignment.hasten()
        self._queues.hasten(self._clock())
        self._work.wake()
        while any(self._is_under_way(each) for each in assignments):
            end = min(until, self.latest)
            if self._clock() >= end or self._permits.breaker.is_open:
                return
            await self._unsettled.changed.wait(end)

    def _is_under_way(self, assignment: Assignment) -> bool:
        """Whether to wait for it: nothing is mapped in a flush, so what is not mapped stays as it is."""
        unmapped = self._quarantine.kept_of(assignment) + self._intake.waiting_of(assignment)
        return assignment.open and assignment.unsettled() > unmapped

    async def _hand_over(self, assignments: Sequence[Assignment], began_at: float) -> None:
        flush = Flush(assignments, began_at, min(began_at + self._revoke_seconds, self.latest))
        if flush.unsettled():
            # It may take long, and the whole group waits for it.
            log.info(
                "group.flushing",
                partitions=flush.partitions,
                unsettled_records=flush.unsettled(),
                seconds_left=round(flush.until - began_at, 1),
            )
        self.flushing = flush
        try:
            await self.flush(assignments, flush.until)
        finally:
            self.flushing = None

    def _end(self, partitions: Sequence[Partition]) -> None:
        for each in partitions:
            self._unsettled.tracker.end(each)
        self._unsettled.drop(self._queues.drop_ended())
        self._quarantine.drop_ended()
        self._intake.drop_ended()
        self._ended.wake()
        self._permits.turn_away()

    def _note(self, kind: str, partitions: Sequence[Partition], **more: float) -> None:
        self.have_changed = True
        self._metrics.rebalanced(kind)
        now_assigned, self.changed_at = len(self._unsettled.tracker), self._clock()
        if now_assigned:
            self.none_since = None
        elif self.none_since is None:
            self.none_since = self.changed_at
        log.info("group.rebalanced", kind=kind, partitions=len(partitions), now_assigned=now_assigned, **more)
