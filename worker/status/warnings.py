"""Warnings: what is wrong although records are, or may be, delivered. Each is one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.status.readiness import held_for, why_keys_fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.core.model.snapshot import HoldStatus, KeysStatus
    from worker.pipeline.permits import Permits
    from worker.status.readiness import Watched


def warnings(watched: Watched, now: float) -> Iterator[str]:
    """Yield what operators should know although the worker is ready."""
    worker = watched.worker
    if (flush := worker.rebalance.flushing) is not None and not worker.pipeline.draining:
        yield (
            f"{flush.partitions} partitions go to another member: {flush.unsettled()} records unsettled, "
            f"flushed for {now - flush.began_at:.0f} s, {max(0.0, flush.until - now):.0f} s left"
        )
    for hold in worker.permits.holds():
        if hold.unconfirmed_seconds is not None:
            yield _unconfirmed(hold, hold.unconfirmed_seconds)
    keys = watched.keys()
    if keys is not None and keys.are_there and keys.failing_seconds is not None and not _has_ended(keys):
        yield f"the keys can't be renewed {why_keys_fail(keys)}; those at hand {_end(keys)}"
    yield from _calls(worker.permits, now)


def _has_ended(keys: KeysStatus) -> bool:
    return keys.end_in_seconds is not None and keys.end_in_seconds <= 0


def _end(keys: KeysStatus) -> str:
    return "do not end" if keys.end_in_seconds is None else f"end in {keys.end_in_seconds:.0f} s"


def _unconfirmed(hold: HoldStatus, seconds: float) -> str:
    return (
        f"{held_for(hold)}, unconfirmed: nothing to send for {seconds:.0f} s; "
        f"the next record finds out whether it is over; if not: {hold.advice}"
    )


def _calls(permits: Permits, now: float) -> Iterator[str]:
    outage, degradation = permits.outage, permits.degradation
    if (says := outage.untried(now)) is not None:
        yield says
    if permits.breaker.is_open or outage.now(now) is not None:
        return
    yield from filter(None, (degradation.why_throttled(now), degradation.why_failing(now)))
