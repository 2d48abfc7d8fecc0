"""What a full worker takes: 100,000 records of 300 bytes that nobody accepts, as in a long outage.

What a record really costs stands beside what ``worker.core.model.records.held_bytes`` says, for the bound on
unsettled bytes is only as true as that estimate.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks.processes import MB, endpoint, metrics
from benchmarks.report import VERDICTS, Table, bar
from tests.support.java_kafka import free_port
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.ground import Ground
    from benchmarks.processes import Process
    from benchmarks.report import Cell

UNSETTLED_RECORDS = 100_000
# With less room than this the worker waits for more (worker.core.offsets.memory_budget).
LEAST_ROOM = 100
# More than the worker holds, so that it is the bound that stops it.
RECORDS = 150_000
LIMIT_MB = 150
WAIT_SECONDS = 60.0
# Retries, pauses and what was fetched ahead have their effect.
SETTLE_SECONDS = 5.0
OUTAGES: dict[str, dict[str, Any]] = {"answers 503": {"fail": 1}, "never answers": {"silence": 1}}


def table(ground: Ground) -> Table:
    """Resident memory with everything unsettled, and bytes a record."""
    rows: list[tuple[Cell, ...]] = []
    for load, outage in (("dense", "answers 503"), ("wide", "never answers")):
        rows += _rows(ground, load, outage)
    return Table("Memory in an outage, 100,000 records unsettled", VERDICTS, tuple(rows))


def _rows(ground: Ground, load: str, outage: str) -> Iterator[tuple[Cell, ...]]:
    topic, port = ground.empty_topic(), free_port()
    with (
        endpoint(ground.folder(), OUTAGES[outage]) as api,
        ground.worker(topic, api.url, admin_port=port) as process,
    ):
        _until(process, port, lambda now: now["partitions_assigned"] > 0)
        empty_mb = process.resident_mb()
        ground.fill(topic, load, RECORDS)
        _until(process, port, lambda now: now["unsettled_records"] > UNSETTLED_RECORDS - LEAST_ROOM)
        time.sleep(SETTLE_SECONDS)
        held = metrics(port)
        given = f"{load}, API {outage}"
        records = held["unsettled_records"]
        yield bar(f"resident MB, {given}", process.resident_mb(), LIMIT_MB, at_least=False)
        yield f"peak MB, {given}", process.peak_mb(), "", ""
        yield f"MB without records, {given}", empty_mb, "", ""
        yield f"records unsettled, {given}", int(records), "", ""
        yield f"bytes a record, {given}", (process.resident_mb() - empty_mb) * MB / records, "", ""
        yield f"bytes a record as estimated, {given}", held["unsettled_bytes"] / records, "", ""


def _until(process: Process, port: int, condition: Callable[[dict[str, float]], bool]) -> None:
    """Wait until the worker's metrics say so."""

    def asked() -> bool:
        process.complain_if_ended()
        return condition(metrics(port))

    # OSError: it does not listen yet; KeyError: the metric is not there yet.
    until(asked, WAIT_SECONDS, forgiving=(OSError, KeyError), what="the worker")
