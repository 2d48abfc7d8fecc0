"""The metrics that alerts on sending stand on: is it ready, do calls come through, what are the bounds."""

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
    # Those that do not apply are 0, so that an alert can tell "ready" from "not scraped".
    for cause in NOT_READY_CAUSES:
        yield (cause,), cause in scrape.gauges.not_ready


def _holds(scrape: Scrape) -> Series:
    held = {hold.kind if hold.kind in _KINDS else OTHER for hold in scrape.gauges.holds if _is_sure(hold)}
    # The words that do not apply are shown as 0, so that an alert can tell "not held" from "not scraped".
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
        "1 while this keeps the worker from being ready, else 0: what `/ready` says, as a word.",
        "The first alarm: any of them 1 for some minutes. Do what `/ready` says.",
        _not_ready,
        ("reason",),
    ),
    Definition(
        "hold_active",
        "gauge",
        "1 while sending is held for this kind of reason, else 0; also 0 while that is `hold_unconfirmed`.",
        "Mend what `/ready` says; the worker goes on by itself. Nothing is lost while it is held.",
        _holds,
        ("kind",),
    ),
    Definition(
        "hold_seconds",
        "gauge",
        "For how long sending has been held for this kind of reason; 0 while it is not.",
        "Above some minutes: somebody has to mend what `/ready` says.",
        _held_seconds,
        ("kind",),
    ),
    Definition(
        "hold_next_probe_seconds",
        "gauge",
        "In how many seconds it is next tried whether the hold is over; missing without one, and meanwhile.",
        "Nothing: when it has been mended, so long is waited at most.",
        _next_probes,
        ("kind",),
    ),
    Definition(
        "hold_unconfirmed",
        "gauge",
        "1 while sending is held, and for a minute there has been nothing to send that would find out "
        "whether it still has to be.",
        "Nothing: the next record finds out. Another pod says whether it is over.",
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
        "Sessions whose last call failed in a way that may pass, and which are tried again.",
        "Many for long: see `call_errors_total`. A few for hours: those sessions only; see `status`.",
        lambda scrape: one(scrape.gauges.sending.sessions_retried),
    ),
    Definition(
        "calls_failed_ratio",
        "gauge",
        "Which part of the calls of the last minute failed in a way that may pass, 0 to 1.",
        "Above 0.2 for minutes: `status` and the log (`calls.many_fail`) say with which code and what to do.",
        lambda scrape: one(scrape.gauges.sending.calls_failed_ratio),
    ),
    Definition(
        "calls_throttled_ratio",
        "gauge",
        "Which part of the calls of the last minute was throttled, 0 to 1.",
        "A few hundredths are how the limit is found. Much more for minutes: see `throttled_seconds`.",
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
        "1 from SIGTERM on, while what was received is being delivered.",
        "Longer than `shutdown.drain_seconds`: the broker does not let it leave.",
        lambda scrape: one(scrape.gauges.sending.draining),
    ),
    Definition(
        "loop_lag_seconds",
        "gauge",
        "How late the event loop was at most in the last minute.",
        "Above 0.5: the pod has too little CPU; above 5 probes fail.",
        lambda scrape: one(scrape.gauges.loop_lag_seconds),
    ),
    Definition(
        "credentials_end_seconds",
        "gauge",
        "In how many seconds the keys at hand end; missing while there are none, or they never end.",
        "Below 300: they can't be renewed; see `credentials_failures_total` and the log.",
        _keys_end,
    ),
    Definition(
        "credentials_failures_total",
        "counter",
        "How often keys could not be loaded or renewed.",
        "Growing: the log (`credentials.failed`) says why. Calls go on with the keys at hand.",
        lambda scrape: one(0 if scrape.gauges.keys is None else scrape.gauges.keys.failures),
    ),
    Definition(
        "quota_calls_per_second",
        "gauge",
        "The quota as configured: `personalize.requests_per_second`, of the whole dataset group.",
        "The bound that `rate_limit_calls_per_second` is a share of.",
        lambda scrape: one(scrape.gauges.sending.quota_calls_per_second),
    ),
    Definition(
        "max_calls_in_flight",
        "gauge",
        "`personalize.max_in_flight`.",
        "The bound of `calls_in_flight`.",
        lambda scrape: one(scrape.gauges.sending.max_calls_in_flight),
    ),
    Definition(
        "max_unsettled_records",
        "gauge",
        "`limits.max_unsettled_records`.",
        "The bound of `unsettled_records`.",
        lambda scrape: one(scrape.gauges.sending.max_unsettled_records),
    ),
    Definition(
        "max_unsettled_bytes",
        "gauge",
        "`limits.max_unsettled_bytes`.",
        "The bound of `unsettled_bytes`.",
        lambda scrape: one(scrape.gauges.sending.max_unsettled_bytes),
    ),
)
