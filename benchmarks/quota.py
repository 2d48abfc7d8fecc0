"""How much of a small quota is used, by one worker and by three that share it: a backlog, and an API that
throttles above.
"""

from __future__ import annotations

import time
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.compare import first_call
from benchmarks.processes import endpoint, metrics
from benchmarks.report import VERDICTS, Table, bar
from tests.support.java_kafka import free_port
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.ground import Ground
    from benchmarks.report import Cell
    from worker.local.call_log import Summary

CALLS_PER_SECOND = 200
# How much the API lets through at once: a second's worth, as token buckets often do, and as good as nothing.
BURST_CALLS = (200, 20)

WORKERS = 3
SHARED_CALLS_PER_SECOND = 300
SHARED_BURST_CALLS = (300, 30)
FORMING_SECONDS = 60.0
# Within it the workers come to know what the others leave.
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
            topic,
            "dense",
            int(SHARED_CALLS_PER_SECOND * 10 * (seconds + FIRST_SECONDS + FORMING_SECONDS / 2)),
            hot=hot,
        )
        for burst_calls in SHARED_BURST_CALLS:
            name = f"{'one partition hot' if hot else 'even'}, API's burst {burst_calls} calls"
            rows += _shared_rows(name, *_three_workers(ground, topic, burst_calls, seconds))
    return Table(
        f"{WORKERS} workers on one quota of {SHARED_CALLS_PER_SECOND} calls a second, {seconds:g} s",
        VERDICTS,
        tuple(rows),
    )


def _three_workers(ground: Ground, topic: str, burst_calls: int, seconds: float) -> tuple[Summary, ...]:
    """The books at the first call, when each worker has partitions, some seconds later, and at the end."""
    faults = {"calls_per_second": SHARED_CALLS_PER_SECOND, "burst_calls": burst_calls}
    group_id = f"worker-{uuid.uuid4().hex[:8]}"
    ports = [free_port() for _ in range(WORKERS)]
    with ExitStack() as stack:
        api = stack.enter_context(endpoint(ground.folder(), faults))
        workers = [
            stack.enter_context(
                ground.worker(
                    topic,
                    api.url,
                    admin_port=port,
                    group=group_id,
                    requests_per_second=SHARED_CALLS_PER_SECOND,
                )
            )
            for port in ports
        ]
        first, _ = first_call(workers[0], api)
        until(lambda: _is_formed(ports), FORMING_SECONDS, forgiving=OSError, what="the group formed")
        formed = api.books()
        time.sleep(FIRST_SECONDS)
        middle = api.books()
        time.sleep(seconds)
        return first, formed, middle, api.books()


def _is_formed(ports: Iterable[int]) -> bool:
    """Whether each worker has partitions, and each partition a worker that knows its share."""
    every = [metrics(port) for port in ports]
    shares = sum(each["quota_share_ratio"] for each in every)
    return all(each["partitions_assigned"] for each in every) and abs(shares - 1) < 0.01


def _shared_rows(name: str, *books: Summary) -> Iterator[tuple[Cell, ...]]:
    first, formed, middle, end = books
    for when, begin, until_then in (
        ("while the group forms", first, formed),
        (f"the {FIRST_SECONDS:g} s after", formed, middle),
    ):
        yield f"% of the quota used, {name}, {when}", _used_percent(begin, until_then), "", ""
        yield f"% of the calls throttled, {name}, {when}", _throttled_percent(begin, until_then), "", ""
    yield bar(f"% of the quota used, {name}, from then on", _used_percent(middle, end), 90, at_least=True)
    throttled = _throttled_percent(middle, end)
    yield bar(f"% of the calls throttled, {name}, from then on", throttled, 2, at_least=False)


def _used_percent(before: Summary, after: Summary) -> float:
    assert before.last_accepted_at_seconds
    assert after.last_accepted_at_seconds
    seconds = after.last_accepted_at_seconds - before.last_accepted_at_seconds
    return 100 * (after.accepted_calls - before.accepted_calls) / max(seconds, 1e-9) / SHARED_CALLS_PER_SECOND


def _throttled_percent(before: Summary, after: Summary) -> float:
    throttled = [books.outcomes.get("ThrottlingException", 0) for books in (before, after)]
    return 100 * (throttled[1] - throttled[0]) / max(1, after.calls - before.calls)
