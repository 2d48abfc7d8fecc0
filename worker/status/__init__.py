"""The worker's answers about itself: its gauges, its readiness, and why each part is where it is.

They are built from the live parts for each request; a part that does not exist yet is a reason for not being
ready. Nothing here iterates over all sessions or all records, so an answer never costs the loop more than
milliseconds.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from msgspec import structs

from worker.core.model.gauges import Gauges
from worker.core.model.snapshot import Readiness
from worker.core.model.worker_status import DoneStatus, MemoryStatus, WorkerStatus
from worker.status.history import Sample
from worker.status.partitions import most_behind, partition_statuses, total_lag
from worker.status.readiness import Watched, reasons
from worker.status.scaling import Scaling
from worker.status.sending import sending_gauges, sending_status
from worker.status.sessions import Hashing, session_statuses
from worker.status.waiting import Queue
from worker.status.warnings import warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.assembly import Worker
    from worker.core.model.snapshot import NotReady
    from worker.telemetry.cpu import CpuTime
    from worker.telemetry.meter import Counts

_NOTHING = Gauges(
    unsettled_records=0,
    unsettled_bytes=0,
    oldest_unsettled_age_seconds=0.0,
    rate_limit_calls_per_second=0.0,
    rate_limit_borrowed_calls_per_second=0.0,
    quota_share_ratio=0.0,
    calls_in_flight=0,
    holds=(),
    paused=False,
    accepted_uncommitted_records=0,
    partitions=(),
)


class Status:
    """Asks the parts of one worker, once they exist.

    Args:
        clock: the loop's clock.
        version: the program's version.
        group: the consumer group.
        source: what the records are read from.
        counts: the worker's counters.
        loop_lag_seconds: how late the loop has been recently.
        cpu: the CPU time so far; None: nobody says how many workers there should be.
    """

    def __init__(  # noqa: PLR0913  a clock, three names, three sources
        self,
        clock: Callable[[], float],
        *,
        version: str,
        group: str,
        source: Literal["kafka", "kinesis"] = "kafka",
        counts: Counts | None = None,
        loop_lag_seconds: Callable[[], float] = lambda: 0.0,
        cpu: Callable[[], CpuTime] | None = None,
    ) -> None:
        self._counts = counts
        self._scaling = None if counts is None or cpu is None else Scaling(counts, cpu)
        self._loop_lag_seconds = loop_lag_seconds
        self._clock = clock
        self._version = version
        self._group = group
        self._source = source
        self._started_at = clock()
        self._hashing = Hashing(os.urandom(16))
        self._watched: Watched | None = None
        self.waiting_for: NotReady | None = None
        """What the start is waiting for, if anything."""

    def watch(self, watched: Watched) -> None:
        """Report on these parts from now on."""
        self._watched = watched

    def gauges(self) -> Gauges:
        """Return the numbers at this moment."""
        not_ready = frozenset(each.cause for each in self._reasons())
        if self._watched is None:
            return structs.replace(_NOTHING, not_ready=not_ready, loop_lag_seconds=self._loop_lag_seconds())
        worker, source, now = self._watched.worker, self._watched.source, self._clock()
        permits, pipeline = worker.permits.snapshot(now), worker.pipeline.snapshot()
        unsettled = worker.unsettled.snapshot(now, worker.epoch_seconds())
        accepted_at = self._started_at if permits.accepted_at is None else permits.accepted_at
        sending = sending_gauges(
            worker,
            permits,
            pipeline,
            # Who had nothing to send for hours has not waited for hours.
            not_accepted_seconds=min(now - accepted_at, unsettled.oldest_age_seconds),
        )
        gauges = Gauges(
            unsettled_records=unsettled.records,
            unsettled_elements=unsettled.elements,
            unsettled_bytes=unsettled.bytes,
            oldest_unsettled_age_seconds=unsettled.oldest_age_seconds,
            oldest_unsettled_record_age_seconds=unsettled.oldest_record_age_seconds,
            rate_limit_calls_per_second=0.0 if permits.is_held else permits.rate_calls_per_second,
            rate_limit_borrowed_calls_per_second=permits.borrowed_calls_per_second,
            quota_share_ratio=permits.share_ratio,
            calls_in_flight=permits.in_flight,
            holds=worker.holds(),
            parked_records=worker.parking.records,
            paused=pipeline.paused,
            accepted_uncommitted_records=unsettled.accepted_uncommitted_records,
            partitions=source.partitions(),
            clock_ahead_seconds=self._watched.clock_ahead_seconds(),
            not_ready=not_ready,
            sending=sending,
            keys=self._watched.keys(),
            loop_lag_seconds=self._loop_lag_seconds(),
            source=source.status(),
        )
        if self._scaling is None:
            return gauges
        rate = permits.rate_calls_per_second
        return structs.replace(gauges, scaling=self._scaling.look(gauges, rate, now))

    def readiness(self) -> Readiness:
        """Return whether records are being delivered, and if not, why not."""
        said = tuple(each.says for each in self._reasons())
        return Readiness(not said, said)

    def _reasons(self) -> Iterator[NotReady]:
        return reasons(self.waiting_for, self._watched, self._clock())

    def status(self) -> WorkerStatus:
        """Return the whole status."""
        now, readiness, watched = self._clock(), self.readiness(), self._watched
        said = WorkerStatus(
            ready=readiness.ready,
            reasons=readiness.reasons,
            version=self._version,
            up_seconds=now - self._started_at,
            group=self._group,
            source=self._source,
        )
        if watched is None:
            return said
        worker, queue = watched.worker, Queue(watched.worker, now)
        partitions = watched.source.partitions()
        return structs.replace(
            said,
            draining=worker.pipeline.draining,
            warnings=tuple(warnings(watched, now)),
            holds=worker.holds(),
            sending=sending_status(worker, worker.permits.snapshot(now), worker.pipeline.snapshot()),
            memory=_memory(worker),
            scaling=None if self._scaling is None else self._scaling.status(),
            done=None if self._counts is None else _done(self._counts),
            clock_ahead_seconds=watched.clock_ahead_seconds(),
            records_lost=watched.source.status().records_lost,
            lag_records=total_lag(partitions),
            behind_seconds=most_behind(partitions),
            partitions_total=len(partitions),
            partitions=partition_statuses(worker, partitions, queue),
            sessions_total=len(worker.queues),
            sessions=session_statuses(worker, queue, self._hashing, watched.source.shown),
        )

    def sample(self) -> Sample:
        """Return the figures of which the page draws curves."""
        now, watched, counts = self._clock(), self._watched, self._counts
        counted = Sample(now) if counts is None else _counted(counts, now)
        if watched is None:
            return counted
        unsettled, partitions = watched.worker.unsettled, watched.source.partitions()
        lag = total_lag(partitions)
        return structs.replace(
            counted,
            oldest_age_seconds=max(
                unsettled.oldest_age_seconds(now),
                unsettled.oldest_record_age_seconds(watched.worker.epoch_seconds()),
            ),
            lag=most_behind(partitions) if lag is None else lag,
        )


def _counted(counts: Counts, now: float) -> Sample:
    return Sample(
        now,
        received=counts.records_received,
        accepted=counts.events_accepted,
        dead_lettered=sum(number for _, number in counts.records_dead_lettered.items()),
        calls=sum(number for _, number in counts.calls.items()),
    )


def _memory(worker: Worker) -> MemoryStatus:
    memory, limits = worker.unsettled.memory, worker.settings.limits
    return MemoryStatus(
        unsettled_records=memory.records,
        unsettled_elements=memory.elements,
        max_unsettled_records=limits.max_unsettled_records,
        unsettled_bytes=memory.bytes,
        max_unsettled_bytes=limits.max_unsettled_bytes,
        paused=worker.pipeline.paused,
        unmappable_records=sum(each.kept for each in worker.quarantine.streaks.values()),
        parked_records=worker.parking.records,
    )


def _done(counts: Counts) -> DoneStatus:
    return DoneStatus(
        delivered=counts.events_accepted,
        dead_lettered=dict(counts.records_dead_lettered.items()),
        skipped=dict(counts.records_skipped.items()),
    )
