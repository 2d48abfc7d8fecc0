"""Describes how sending goes: for the page, and in numbers for a scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.model.snapshot import SendingGauges, SendingStatus

if TYPE_CHECKING:
    from worker.assembly import Worker


def sending_status(worker: Worker, now: float) -> SendingStatus:
    """Return what may be sent, and what is being sent."""
    gate = worker.permits.gate
    return SendingStatus(
        quota_calls_per_second=worker.settings.personalize.requests_per_second,
        share_ratio=gate.share,
        rate_calls_per_second=gate.rate,
        borrowed_calls_per_second=gate.borrowed,
        throttled_seconds=worker.permits.degradation.throttled_seconds(now),
        in_flight=gate.in_flight,
        max_in_flight=worker.settings.personalize.max_in_flight,
        batches=len(worker.pipeline.under_way()),
        retrying=len(worker.delivery.retry_states),
    )


def sending_gauges(worker: Worker, started_at: float, now: float) -> SendingGauges:
    """Return the same in numbers, with the limits; the worker has existed since ``started_at``."""
    permits, settings = worker.permits, worker.settings
    accepted_at = permits.outage.accepted_at
    not_accepted_seconds = now - (started_at if accepted_at is None else accepted_at)
    return SendingGauges(
        # A worker that had nothing to send for hours has not waited for hours.
        not_accepted_seconds=min(not_accepted_seconds, worker.unsettled.oldest_age_seconds(now)),
        sessions_retried=len(worker.delivery.retry_states),
        calls_failed_ratio=permits.recent.failed_part(now),
        calls_throttled_ratio=permits.recent.throttled_part(now),
        throttled_seconds=permits.degradation.throttled_seconds(now) or 0.0,
        draining=worker.pipeline.draining,
        quota_calls_per_second=settings.personalize.requests_per_second,
        max_calls_in_flight=settings.personalize.max_in_flight,
        max_unsettled_records=settings.limits.max_unsettled_records,
        max_unsettled_bytes=settings.limits.max_unsettled_bytes,
    )
