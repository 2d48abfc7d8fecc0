"""From the start of the process to its first accepted call: the broker is up, records wait."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.compare import first_call
from benchmarks.processes import endpoint
from benchmarks.report import VERDICTS, Table, bar

if TYPE_CHECKING:
    from benchmarks.ground import Ground

TIMES = 5
LIMIT_SECONDS = 2
RECORDS = 20_000


def table(ground: Ground) -> Table:
    """The median of five starts, and the two ends."""
    topic = ground.topic("dense", RECORDS)
    seconds, cpu_seconds = zip(*(_start(ground, topic) for _ in range(TIMES)), strict=True)
    return Table(
        "From start to the first accepted call",
        VERDICTS,
        (
            bar(f"seconds, median of {TIMES}", median(seconds), LIMIT_SECONDS, at_least=False),
            ("seconds, fastest", min(seconds), "", ""),
            ("seconds, slowest", max(seconds), "", ""),
            ("CPU seconds, median", median(cpu_seconds), "", ""),
        ),
    )


def _start(ground: Ground, topic: str) -> tuple[float, float]:
    with endpoint(ground.folder()) as api:
        # The books are kept in epoch seconds.
        started_at = time.time()
        with ground.worker(topic, api.url) as process:
            books, cpu_seconds = first_call(process, api)
    assert books.first_accepted_at_seconds
    return books.first_accepted_at_seconds - started_at, cpu_seconds
