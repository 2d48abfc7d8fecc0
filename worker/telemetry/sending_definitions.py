"""The metrics that alerts on sending rely on: readiness, whether calls succeed, and the limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.flow_control.holds import HoldKind
from worker.core.model.snapshot import NOT_READY_CAUSES
from worker.telemetry.definition import Definition, one
from worker.telemetry.meter import OTHER

if TYPE_CHECKING:
    from worker.core.model.snapshot import HoldStatus
    from worker.telemetry.definition import Scrape, Series

_KINDS = frozenset[str](HoldKind)


def _not_ready(scrape: Scrape) -> Series:
    # Causes that do not apply are 0, so that an alert can tell "ready" from "not scraped".
    for cause in NOT_READY_CAUSES:
        yield (cause,), cause in scrape.gauges.not_ready


def _holds(scrape: Scrape) -> Series:
    held = {hold.kind if hold.kind in _KINDS else OTHER for hold in scrape.gauges.holds if _is_sure(hold)}
    # Kinds that do not apply are 0, so that an alert can tell "not held" from "not scraped".
    for hold in (*HoldKind, OTHER):
        yield (hold,), hold in held


def _is_sure(hold: HoldStatus) -> bool:
    return hold.unconfirmed_seconds is None


def _held_seconds(scrape: Scrape) -> Series:
    held = {hold.kind: hold.held_seconds for hold in scrape.gauges.holds if _is_sure(hold)}
    for kind in HoldKind:
        yield (kind,), held.get(kind, 0.0)


def _next_probes(scrape: Scrape) -> Series:
    for hold in scrape.gauges.holds:
        if hold.kind in _KINDS and hold.next_probe_seconds is not None:
            yield (hold.kind,), hold.next_probe_seconds


def _unconfirmed(scrape: Scrape) -> Series:
    unconfirmed = {each.kind for each in scrape.gauges.holds if each.unconfirmed_seconds is not None}
    for kind in HoldKind:
        yield (kind,), kind in unconfirmed


def _keys_end(scrape: Scrape) -> Series:
    keys = scrape.gauges.keys
    if keys is not None and keys.end_in_seconds is not None:
        yield (), keys.end_in_seconds


SENDING_DEFINITIONS = (
    Definition(
        "not_ready",
        "gauge",
        "1 while this reason keeps the worker from being ready, else 0: what `/ready` says, as one word.",
        "The first alert: any of them is 1 for some minutes. Do what `/ready` says.",
        _not_ready,
        ("reason",),
    ),
    Definition(
        "hold_active",
        "gauge",
        "1 while sending is held for this kind of reason, else 0; also 0 while that hold is "
        "`hold_unconfirmed`.",
        "Fix what `/ready` says; the worker resumes by itself. Nothing is lost while it is held.",
        _holds,
        ("kind",),
    ),
    Definition(
        "hold_seconds",
        "gauge",
        "For how long sending has been held for this kind of reason; 0 while it is not.",
        "Above some minutes: somebody has to fix what `/ready` says.",
        _held_seconds,
        ("kind",),
    ),
    Definition(
        "hold_next_probe_seconds",
        "gauge",
        "Seconds until the next probe of the hold; missing without a hold, and while a probe is under way.",
        "Nothing: this is how long it takes at most to resume after a fix.",
        _next_probes,
        ("kind",),
    ),
    Definition(
        "hold_unconfirmed",
        "gauge",
        "1 while sending is held and nothing has been there to send for a minute, so that nothing could find "
        "out whether the hold is still needed.",
        "Nothing: the next record finds out. Another pod shows whether it is over.",
        _unconfirmed,
        ("kind",),
    ),
    Definition(
        "not_accepted_seconds",
        "gauge",
        "For how long records have waited while no call was accepted; 0 while none wait.",
        "Above a minute: calls fail, are throttled, or are held; see `not_ready`.",
        lambda scrape: one(scrape.gauges.sending.not_accepted_seconds),
    ),
    Definition(
        "sessions_retried",
        "gauge",
        "Sessions whose last call failed for a reason that may pass, and which are retried.",
        "Many for long: see `call_errors_total`. A few for hours: only those sessions are affected; see "
        "`status`.",
        lambda scrape: one(scrape.gauges.sending.sessions_retried),
    ),
    Definition(
        "calls_failed_ratio",
        "gauge",
        "The fraction of the last minute's calls that failed for a reason that may pass, 0 to 1.",
        "Above 0.2 for minutes: `status` and the log (`calls.many_fail`) say with which code and what to do.",
        lambda scrape: one(scrape.gauges.sending.calls_failed_ratio),
    ),
    Definition(
        "calls_throttled_ratio",
        "gauge",
        "The fraction of the last minute's calls that were throttled, 0 to 1.",
        "A few hundredths are normal: this is how the limit is found. Much more for minutes: see "
        "`throttled_seconds`.",
        lambda scrape: one(scrape.gauges.sending.calls_throttled_ratio),
    ),
    Definition(
        "throttled_seconds",
        "gauge",
        "For how long the API has let this pod send less than its share of the quota; 0 while it does not.",
        "Above some minutes: another program uses the same quota, or `personalize.requests_per_second` is "
        "too high. Lower it, or ask AWS for more quota.",
        lambda scrape: one(scrape.gauges.sending.throttled_seconds),
    ),
    Definition(
        "draining",
        "gauge",
        "1 after SIGTERM, while the received records are being delivered.",
        "Longer than `shutdown.drain_seconds`: the broker does not let the worker leave the group.",
        lambda scrape: one(scrape.gauges.sending.draining),
    ),
    Definition(
        "loop_lag_seconds",
        "gauge",
        "The longest delay of the event loop in the last minute.",
        "Above 0.5: the pod has too little CPU; above 5 probes fail.",
        lambda scrape: one(scrape.gauges.loop_lag_seconds),
    ),
    Definition(
        "credentials_end_seconds",
        "gauge",
        "Seconds until the present keys expire; missing if there are none, or they never expire.",
        "Below 300: they can't be renewed; see `credentials_failures_total` and the log.",
        _keys_end,
    ),
    Definition(
        "credentials_failures_total",
        "counter",
        "How often keys could not be loaded or renewed.",
        "Growing: the log (`credentials.failed`) says why. Calls continue with the present keys.",
        lambda scrape: one(0 if scrape.gauges.keys is None else scrape.gauges.keys.failures),
    ),
    Definition(
        "quota_calls_per_second",
        "gauge",
        "The quota as configured: `personalize.requests_per_second`, of the whole dataset group.",
        "The quota that `rate_limit_calls_per_second` is a share of.",
        lambda scrape: one(scrape.gauges.sending.quota_calls_per_second),
    ),
    Definition(
        "max_calls_in_flight",
        "gauge",
        "`personalize.max_in_flight`.",
        "The limit of `calls_in_flight`.",
        lambda scrape: one(scrape.gauges.sending.max_calls_in_flight),
    ),
    Definition(
        "max_unsettled_records",
        "gauge",
        "`limits.max_unsettled_records`.",
        "The limit of `unsettled_records`.",
        lambda scrape: one(scrape.gauges.sending.max_unsettled_records),
    ),
    Definition(
        "max_unsettled_bytes",
        "gauge",
        "`limits.max_unsettled_bytes`.",
        "The limit of `unsettled_bytes`.",
        lambda scrape: one(scrape.gauges.sending.max_unsettled_bytes),
    ),
)
