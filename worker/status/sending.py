"""Describes how sending goes: for the page, and in numbers for a scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.model.gauges import SendingGauges
from worker.core.model.worker_status import SendingStatus

if TYPE_CHECKING:
    from worker.assembly import Worker
    from worker.core.model.snapshot import PermitsSnapshot, PipelineSnapshot


def sending_status(worker: Worker, permits: PermitsSnapshot, pipeline: PipelineSnapshot) -> SendingStatus:
    """What may be sent, and what is."""
    personalize = worker.settings.personalize
    return SendingStatus(
        quota_calls_per_second=personalize.requests_per_second,
        share_ratio=permits.share_ratio,
        rate_calls_per_second=permits.rate_calls_per_second,
        borrowed_calls_per_second=permits.borrowed_calls_per_second,
        throttled_seconds=permits.throttled_seconds,
        in_flight=permits.in_flight,
        max_in_flight=personalize.max_in_flight,
        batches=pipeline.batches,
        retrying=pipeline.retried,
    )


def sending_gauges(
    worker: Worker,
    permits: PermitsSnapshot,
    pipeline: PipelineSnapshot,
    *,
    not_accepted_seconds: float,
) -> SendingGauges:
    """The same in numbers, with the bounds; ``not_accepted_seconds``: so long records wait for a call."""
    settings = worker.settings
    return SendingGauges(
        not_accepted_seconds=not_accepted_seconds,
        sessions_retried=pipeline.retried,
        calls_failed_ratio=permits.failed_ratio,
        calls_throttled_ratio=permits.throttled_ratio,
        throttled_seconds=permits.throttled_seconds or 0.0,
        draining=pipeline.draining,
        quota_calls_per_second=settings.personalize.requests_per_second,
        max_calls_in_flight=settings.personalize.max_in_flight,
        max_unsettled_records=settings.limits.max_unsettled_records,
        max_unsettled_bytes=settings.limits.max_unsettled_bytes,
    )
