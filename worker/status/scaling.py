"""Follows how many workers there should be, by looking whenever the metrics are scraped.

Nothing runs between two scrapes, and nothing is counted for it by the record: what is read are sums that are
kept anyway. So nobody pays for it who does not scrape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.model.gauges import ScalingGauges
from worker.core.model.worker_status import ScalingStatus
from worker.core.scaling.desired_workers import DesiredWorkers
from worker.core.scaling.load import waiting_records
from worker.core.scaling.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.core.model.gauges import Gauges
    from worker.core.model.snapshot import PartitionGauges
    from worker.core.scaling.desired_workers import Advice
    from worker.telemetry.cpu import CpuTime
    from worker.telemetry.meter import Counts


class Scaling:
    """Looks at one worker, scrape by scrape.

    Args:
        counts: the worker's counters.
        cpu: the CPU time so far.
    """

    def __init__(self, counts: Counts, cpu: Callable[[], CpuTime]) -> None:
        self._counts = counts
        self._cpu = cpu
        self._desired = DesiredWorkers()

    def look(self, gauges: Gauges, rate_calls_per_second: float, now: float) -> ScalingGauges:
        """Return what is advised now.

        Args:
            gauges: everything else that a scrape reads.
            rate_calls_per_second: the highest rate at which calls may go while nothing is held.
            now: by the loop's clock.
        """
        seen = self._observation(gauges, rate_calls_per_second, now)
        return _gauges(seen, self._desired.observe(seen))

    def status(self) -> ScalingStatus:
        """Return what was advised last; it looks at nothing."""
        advice = self._desired.advice
        return ScalingStatus(desired_workers=advice.workers, bound=advice.bound)

    def _observation(self, gauges: Gauges, rate_calls_per_second: float, now: float) -> Observation:
        cpu, sending, partitions = self._cpu(), gauges.sending, gauges.partitions
        is_kafka = gauges.source.system == "kafka"
        return Observation(
            at=now,
            records_received=self._counts.records_received,
            calls_made=sum(count for _, count in self._counts.calls.items()),
            loop_cpu_seconds=cpu.loop_seconds,
            process_cpu_seconds=cpu.process_seconds,
            cores=cpu.cores,
            loop_lag_seconds=gauges.loop_lag_seconds,
            unsettled_records=gauges.unsettled_records,
            unread_records=_unread(partitions) if is_kafka else None,
            behind_seconds=None if is_kafka else _behind(partitions),
            in_flight_ratio=gauges.calls_in_flight / max(1, sending.max_calls_in_flight),
            own_partitions=len(partitions),
            share_ratio=gauges.quota_share_ratio,
            rate_calls_per_second=rate_calls_per_second,
            throttled_ratio=sending.calls_throttled_ratio,
            # Whatever keeps the worker from being ready, or records from being mapped: what is seen
            # meanwhile is not what will be needed.
            is_held=bool(gauges.holds or gauges.not_ready - {"draining", "no_partitions"}),
            is_draining=sending.draining,
        )


def _gauges(seen: Observation, advice: Advice) -> ScalingGauges:
    load = advice.load
    arrival = None if load is None else load.arrival_per_second
    is_counted = seen.unread_records is not None or not seen.behind_seconds
    return ScalingGauges(
        desired_workers=advice.workers,
        bound=advice.bound,
        records_waiting=waiting_records(seen, arrival or 0.0) if is_counted or load else None,
        arrival_records_per_second=arrival,
        cpu_used_ratio=None if load is None else load.cpu_ratio,
        quota_used_ratio=None if load is None else load.quota_ratio,
    )


def _unread(partitions: Sequence[PartitionGauges]) -> int | None:
    """Count what is in the log and was not received yet; None while that is unknown of a partition.

    ``lag_records`` would not do: it begins at the first unsettled record, so that one session that waits
    makes a backlog of all that was settled behind it.
    """
    unread = 0
    for each in partitions:
        if isinstance(each.end_offset, int) and isinstance(each.received_offset, int):
            unread += max(0, each.end_offset - each.received_offset)
        elif each.lag_records is not None:
            unread += each.lag_records
        else:
            return None
    return unread


def _behind(partitions: Sequence[PartitionGauges]) -> float | None:
    known = [each.behind_seconds for each in partitions if each.behind_seconds is not None]
    return sum(known) / len(known) if known else None
