"""How much of a small quota is used, by one worker and by three that share it: a backlog, and an API that
throttles above.
"""

from __future__ import annotations

import time
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.compare import first_call
from benchmarks.processes import endpoint
from benchmarks.report import VERDICTS, Table, bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.ground import Ground
    from benchmarks.processes import Endpoint, Process
    from benchmarks.report import Cell
    from worker.local.books import Summary

CALLS_PER_SECOND = 200
# How much the API lets through at once: a second's worth, as token buckets often do, and as good as nothing.
BURST_CALLS = (200, 20)

WORKERS = 3
SHARED_CALLS_PER_SECOND = 300
SHARED_BURST_CALLS = (300, 30)
# Within it the workers come to own their partitions and to know what the others leave.
FIRST_SECONDS = 10.0


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


def shared(ground: Ground, *, seconds: float) -> Table:
    """Three workers in one group: an even load, and one of which nearly all is in one partition."""
    rows: list[tuple[Cell, ...]] = []
    for hot in (False, True):
        topic = ground.empty_topic()
        ground.fill(
            topic, "dense", int(SHARED_CALLS_PER_SECOND * 10 * (seconds + 2 * FIRST_SECONDS)), hot=hot
        )
        for burst_calls in SHARED_BURST_CALLS:
            name = f"{'one partition hot' if hot else 'even'}, API's burst {burst_calls} calls"
            rows += _shared_rows(name, *_three_workers(ground, topic, burst_calls, seconds))
    return Table(
        f"{WORKERS} workers on one quota of {SHARED_CALLS_PER_SECOND} calls a second, {seconds:g} s",
        VERDICTS,
        tuple(rows),
        (f"The first {FIRST_SECONDS:g} s begin with the first accepted call: the group still forms.",),
    )


def _three_workers(
    ground: Ground, topic: str, burst_calls: int, seconds: float
) -> tuple[Summary, Summary, Summary]:
    """The books at the first accepted call, some seconds later, and at the end."""
    faults = {"calls_per_second": SHARED_CALLS_PER_SECOND, "burst_calls": burst_calls}
    group_id = f"worker-{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        api: Endpoint = stack.enter_context(endpoint(ground.folder(), faults))
        workers: list[Process] = [
            stack.enter_context(
                ground.worker(topic, api.url, group=group_id, requests_per_second=SHARED_CALLS_PER_SECOND)
            )
            for _ in range(WORKERS)
        ]
        begin, _ = first_call(workers[0], api)
        time.sleep(FIRST_SECONDS)
        middle = api.books()
        time.sleep(max(0.0, seconds - FIRST_SECONDS))
        end = api.books()
        for worker in workers:
            worker.complain_if_ended()
        return begin, middle, end


def _shared_rows(name: str, begin: Summary, middle: Summary, end: Summary) -> Iterator[tuple[Cell, ...]]:
    yield f"% of the quota used at first, {name}", _used_percent(begin, middle), "", ""
    yield f"% of the calls throttled at first, {name}", _throttled_percent(begin, middle), "", ""
    yield bar(f"% of the quota used after, {name}", _used_percent(middle, end), 90, at_least=True)
    yield bar(f"% of the calls throttled after, {name}", _throttled_percent(middle, end), 2, at_least=False)


def _used_percent(before: Summary, after: Summary) -> float:
    assert before.last_accepted_at_seconds
    assert after.last_accepted_at_seconds
    seconds = after.last_accepted_at_seconds - before.last_accepted_at_seconds
    return 100 * (after.accepted_calls - before.accepted_calls) / seconds / SHARED_CALLS_PER_SECOND


def _throttled_percent(before: Summary, after: Summary) -> float:
    throttled = [books.outcomes.get("ThrottlingException", 0) for books in (before, after)]
    return 100 * (throttled[1] - throttled[0]) / (after.calls - before.calls)
