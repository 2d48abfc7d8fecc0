"""How much of a small quota is used: 200 calls a second, a backlog, and an API that throttles above."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.compare import first_call
from benchmarks.processes import endpoint
from benchmarks.report import VERDICTS, Table, bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.ground import Ground
    from benchmarks.report import Cell
    from worker.local.books import Summary

CALLS_PER_SECOND = 200
# How much the API lets through at once: a second's worth, as token buckets often do, and as good as nothing.
BURST_CALLS = (200, 20)


def table(ground: Ground, *, seconds: float) -> Table:
    """Share of the quota used, share of the calls throttled, events a call."""
    # It sends 2,000 of them a second at most: at the end there is still a backlog.
    topic = ground.topic("dense", 100_000)
    rows: list[tuple[Cell, ...]] = []
    for burst_calls in BURST_CALLS:
        faults = {"calls_per_second": CALLS_PER_SECOND, "burst_calls": burst_calls}
        with (
            endpoint(ground.folder(), faults) as api,
            ground.worker(topic, api.url, requests_per_second=CALLS_PER_SECOND) as process,
        ):
            before, _ = first_call(process, api)
            time.sleep(seconds)
            rows += _rows(before, api.books(), burst_calls)
    return Table(
        f"With {CALLS_PER_SECOND} calls a second, throttled above, a dense backlog, {seconds:g} s",
        VERDICTS,
        tuple(rows),
    )


def _rows(before: Summary, after: Summary, burst_calls: int) -> Iterator[tuple[Cell, ...]]:
    """The first second is the worker's to find its rate in too: nothing is left out."""
    assert before.last_accepted_at_seconds
    assert after.last_accepted_at_seconds
    seconds = after.last_accepted_at_seconds - before.last_accepted_at_seconds
    accepted = after.accepted_calls - before.accepted_calls
    events = after.accepted_events - before.accepted_events
    throttled = after.outcomes.get("ThrottlingException", 0)
    given = f"API's burst {burst_calls} calls"
    used_percent = 100 * accepted / seconds / CALLS_PER_SECOND
    yield bar(f"% of the quota used, {given}", used_percent, 95, at_least=True)
    yield bar(f"% of the calls throttled, {given}", 100 * throttled / after.calls, 1, at_least=False)
    yield bar(f"events a call, {given}", events / accepted, 9.5, at_least=True)
