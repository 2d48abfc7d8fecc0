"""The metrics that an autoscaler goes by: how many workers there should be, and what that is decided by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.scaling.demand import Bound
from worker.telemetry.definition import Definition, one

if TYPE_CHECKING:
    from worker.telemetry.definition import Scrape, Series


def _if_known(value: float | None) -> Series:
    return iter(()) if value is None else one(value)


def _bounds(scrape: Scrape) -> Series:
    for bound in Bound:
        yield (bound,), bound is scrape.gauges.scaling.bound


SCALING_DEFINITIONS = (
    Definition(
        "desired_workers",
        "gauge",
        "How many workers the whole group should have, as this pod sees it: at least 1, at most as many as "
        "there are partitions or shards. Missing until a minute was seen, and without partitions.",
        "Scale on its `avg` over the pods: see docs/scaling.md. `scaling_bound` says what decides it.",
        lambda scrape: _if_known(scrape.gauges.scaling.desired_workers),
    ),
    Definition(
        "scaling_bound",
        "gauge",
        "1 for what decides `desired_workers` at this moment, else 0.",
        "`quota_bound` for hours: add quota; more pods don't help. `partitions_reached`: add partitions. "
        "`bound_elsewhere`: see `status` for what the records wait for.",
        _bounds,
        ("reason",),
    ),
    Definition(
        "records_waiting",
        "gauge",
        "Records of this pod's partitions that are not settled, received or not; with Kinesis estimated. "
        "Missing while unknown.",
        "Growing: see `scaling_bound`. `lag_records` is larger where one session holds back an offset.",
        lambda scrape: _if_known(scrape.gauges.scaling.records_waiting),
    ),
    Definition(
        "arrival_records_per_second",
        "gauge",
        "Records that came into this pod's partitions a second, in the last two minutes; missing until a "
        "minute was seen.",
        "Nothing: together with `records_waiting`, what has to be done.",
        lambda scrape: _if_known(scrape.gauges.scaling.arrival_records_per_second),
    ),
    Definition(
        "cpu_used_ratio",
        "gauge",
        "CPU used in the last two minutes, of what one worker can use: one core, or the pod's limit if it is "
        "less. 1 also if `loop_lag_seconds` stays above 0.5. Missing until a minute was seen.",
        "Above 0.8: more pods, up to the number of partitions, or a higher CPU limit.",
        lambda scrape: _if_known(scrape.gauges.scaling.cpu_used_ratio),
    ),
    Definition(
        "quota_used_ratio",
        "gauge",
        "Calls made in the last two minutes, of those that the rate limiter let through. Missing until a "
        "minute was seen.",
        "Above 0.9: the quota is the limit; more pods don't help.",
        lambda scrape: _if_known(scrape.gauges.scaling.quota_used_ratio),
    ),
)
