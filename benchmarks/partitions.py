"""A thousand partitions for one worker, then for two: what an idle one costs, and what a rebalance takes."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from benchmarks.processes import admin_page, endpoint
from benchmarks.report import Table
from benchmarks.watch import Watch
from tests.support.java_kafka import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.ground import Ground
    from benchmarks.report import Cell

PARTITIONS = 1_000
RECORDS = 50_000
IDLE_SECONDS = 20.0
WAIT_SECONDS = 120.0


def table(ground: Ground) -> Table:
    """Assignment, idling, pages, delivery, a second member and back."""
    return Table(f"{PARTITIONS:,} partitions", ("what", "figure"), tuple(_rows(ground)))


def _rows(ground: Ground) -> Iterator[tuple[Cell, ...]]:
    topic, port, group = ground.empty_topic(PARTITIONS), free_port(), f"worker-{uuid.uuid4().hex[:8]}"
    with (
        endpoint(ground.folder()) as api,
        ground.worker(topic, api.url, admin_port=port, group=group) as process,
    ):
        watch = Watch(process, port)
        yield "seconds from start until all are assigned", _until_assigned(watch, PARTITIONS)
        began = process.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        yield "CPU while idle, % of a core", 100 * (process.cpu_seconds() - began) / IDLE_SECONDS
        yield "resident MB, idle", process.resident_mb()
        began = process.cpu_seconds()
        ground.fill(topic, "dense", RECORDS)
        watch.until(lambda now: now.get("events_accepted_total", 0) >= RECORDS, WAIT_SECONDS, "delivery")
        yield f"CPU seconds for {RECORDS:,} records", process.cpu_seconds() - began
        yield from _pages(port)
        yield from _second(ground, topic, api.url, group, watch)
        yield "events accepted", api.books().accepted_events
        yield "peak MB", process.peak_mb()
        yield "loop late at most, s", watch.worst_lag_seconds


def _pages(port: int) -> Iterator[tuple[Cell, ...]]:
    began = time.monotonic()
    page = admin_page(port, "metrics")
    yield "/metrics after that, bytes", len(page)
    yield "/metrics after that, seconds", time.monotonic() - began


def _second(ground: Ground, topic: str, url: str, group: str, first: Watch) -> Iterator[tuple[Cell, ...]]:
    """Another worker of the group comes and goes."""
    port = free_port()
    with ground.worker(topic, url, admin_port=port, group=group) as process:
        second = Watch(process, port)
        taken = _until_assigned(second, PARTITIONS // 2)
        yield "seconds until a second worker has half, its start included", taken
        _until_assigned(first, PARTITIONS // 2)
        share = first.look()["quota_share_ratio"]
        yield "share of the first with half, as soon as it has half", share
        process.end()
        yield "seconds until the first has all again", _until_assigned(first, PARTITIONS)


def _until_assigned(watch: Watch, partitions: int) -> float:
    return watch.until(
        lambda now: now.get("partitions_assigned") == partitions, WAIT_SECONDS, f"having {partitions}"
    )
