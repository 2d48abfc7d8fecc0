"""The metrics of a worker that reads Kinesis: how far behind, trouble by kind, and what became of leases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.model.snapshot import KINESIS_TROUBLES
from worker.telemetry.definition import Definition, one

if TYPE_CHECKING:
    from worker.telemetry.definition import Scrape, Series


def _behind(scrape: Scrape) -> Series:
    for each in scrape.gauges.partitions:
        if each.behind_seconds is not None:
            yield (each.partition.topic, str(each.partition.number)), each.behind_seconds


def _troubles(scrape: Scrape) -> Series:
    source = scrape.gauges.source
    if source.system != "kinesis":
        return
    worst = dict.fromkeys(KINESIS_TROUBLES, 0.0)
    for each in source.troubles:
        worst[each.kind] = max(worst[each.kind], each.seconds)
    for kind, seconds in worst.items():
        yield (kind,), seconds


KINESIS_DEFINITIONS = (
    Definition(
        "behind_latest_seconds",
        "gauge",
        "With Kinesis: how far the last read of a shard was behind its newest record.",
        "Growing: add quota if calls are throttled, else pods up to the number of shards.",
        _behind,
        ("stream", "shard"),
    ),
    Definition(
        "kinesis_trouble_seconds",
        "gauge",
        "With Kinesis: for how long there has been trouble with it or with the lease table, by kind.",
        "Above some minutes: `/ready` says what is wrong, since when, and what to do.",
        _troubles,
        ("kind",),
    ),
    Definition(
        "leases_lost_total",
        "counter",
        "With Kinesis: leases of shards that ended without a hand-over.",
        "Growing: DynamoDB did not answer in time, or a consumer of another kind takes them; see the log.",
        lambda scrape: one(scrape.gauges.source.leases_lost),
    ),
    Definition(
        "lease_handovers_total",
        "counter",
        "With Kinesis: leases that were handed over to another worker after a flush.",
        "Growing while no pod starts or ends: workers of another kind share the lease table.",
        lambda scrape: one(scrape.gauges.source.handovers),
    ),
    Definition(
        "reads_throttled_total",
        "counter",
        "With Kinesis: reads that were refused because their shard was read too often or too fast.",
        "Growing: other consumers read the same shards; each shard takes 5 reads a second from all of them.",
        lambda scrape: one(scrape.gauges.source.reads_throttled),
    ),
)
