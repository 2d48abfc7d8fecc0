"""What one worker takes at a steady rate of records that is far from, near and at what the quota carries.

Of each rate: cores, memory, events a call, how old the oldest record in hand was, and whether it kept up.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.feed import Feed
from benchmarks.processes import endpoint
from benchmarks.report import Table
from benchmarks.watch import Watch
from tests.support.java_kafka import free_port

if TYPE_CHECKING:
    from benchmarks.ground import Ground
    from benchmarks.report import Cell

RATES_PER_SECOND = (200, 2_000, 10_000)
START_SECONDS = 60.0
# The session's first calls, the connections, the compiled paths: not what a day is like.
WARM_SECONDS = 10.0
KEPT_UP = 0.98


def table(ground: Ground, *, seconds: float) -> Table:
    """One row a rate, one worker each."""
    columns = (
        *("records a second", "accepted a second", "cores", "resident MB", "peak MB"),
        *("calls a second", "events a call", "oldest record, s", "kept up"),
    )
    rows = tuple(_row(ground, rate, seconds) for rate in RATES_PER_SECOND)
    return Table(f"One worker at a steady rate, {seconds:g} s", columns, rows)


def _row(ground: Ground, rate: int, seconds: float) -> tuple[Cell, ...]:
    topic, port = ground.empty_topic(), free_port()
    with (
        endpoint(ground.folder()) as api,
        ground.worker(topic, api.url, admin_port=port) as process,
        Feed(ground, topic, rate) as feed,
    ):
        watch = Watch(process, port)
        watch.until(lambda now: now.get("events_accepted_total", 0) > 0, START_SECONDS, "a first call")
        watch.idle(WARM_SECONDS)
        books, cpu, began, sent = api.books(), process.cpu_seconds(), time.monotonic(), feed.sent
        oldest = 0.0
        while time.monotonic() - began < seconds:
            watch.idle(1)
            oldest = max(oldest, watch.look().get("oldest_unsettled_age_seconds", 0.0))
        took, used = time.monotonic() - began, process.cpu_seconds() - cpu
        after, came = api.books(), feed.sent - sent
        memory = process.resident_mb(), process.peak_mb()
    events = after.accepted_events - books.accepted_events
    calls = after.accepted_calls - books.accepted_calls
    kept_up = "yes" if events >= KEPT_UP * came else "NO"
    rates = came / took, events / took, used / took
    return *rates, *memory, calls / took, events / max(calls, 1), oldest, kept_up
