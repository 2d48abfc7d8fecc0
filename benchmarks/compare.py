"""The worker beside a straightforward consumer, in turns, on the same topics with the same endpoint.

Measured from the first accepted call to the last, or to the time limit: start and end are left out for both.
The quota decides how the worker behaves, so it is measured with its default (1,000 calls a second, as
deployed; the other one stays below that by itself, so both are allowed the same) and without any.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from benchmarks.processes import endpoint
from benchmarks.report import Table, bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from benchmarks.ground import Ground
    from benchmarks.processes import Endpoint, Process
    from benchmarks.report import Cell
    from worker.local.call_log import Summary

NO_QUOTA = 100_000
WORKER = "worker, 1,000 calls/s"
WORKER_WITHOUT_QUOTA = "worker, no quota"
STRAIGHTFORWARD = "straightforward"
COLUMNS = (
    "load, program",
    "CPU s per 1,000 calls",
    "CPU s per 100,000 records",
    "records a second",
    "events a call",
    "peak MB",
    "CPU s to start",
    "records",
)
# In the order of their turns.
PROGRAMS: dict[str, Callable[[Ground, str, str], AbstractContextManager[Process]]] = {
    WORKER: lambda ground, topic, url: ground.worker(topic, url),
    STRAIGHTFORWARD: lambda ground, topic, url: ground.straightforward(topic, url),
    WORKER_WITHOUT_QUOTA: lambda ground, topic, url: ground.worker(topic, url, requests_per_second=NO_QUOTA),
}
NOTE = "From the first accepted call on, so without start and end; memory is the most of the whole run."
BARS_NOTE = (
    "The bar on CPU holds with the quota and without. The bar on calls is for the default quota: waiting for "
    "it is what fills the calls, and the other one stays below it by itself, so both may send the same."
)
CPU_BAR, CALLS_BAR = 6.0, 2.5
FIRST_CALL_SECONDS = 30.0
LOOK_SECONDS = 0.02


class Turn(Struct, frozen=True):
    """One turn of one program on one load; the first accepted calls, which set the clocks, are not in it."""

    load: str
    program: str
    calls: int
    records: int
    seconds: float
    cpu_seconds: float
    start_cpu_seconds: float
    peak_mb: float


class Figures(Struct, frozen=True):
    """What several turns of one program on one load come to."""

    cpu_seconds_per_1000_calls: float
    cpu_seconds_per_100000_records: float
    records_per_second: float
    events_per_call: float
    peak_mb: float
    start_cpu_seconds: float
    records: int


def figures(turns: Iterable[Turn]) -> Figures:
    """Totals over totals; of memory the most."""
    all_turns = list(turns)
    calls, records = sum(turn.calls for turn in all_turns), sum(turn.records for turn in all_turns)
    cpu_seconds = sum(turn.cpu_seconds for turn in all_turns)
    return Figures(
        cpu_seconds_per_1000_calls=1_000 * cpu_seconds / calls,
        cpu_seconds_per_100000_records=100_000 * cpu_seconds / records,
        records_per_second=records / sum(turn.seconds for turn in all_turns),
        events_per_call=records / calls,
        peak_mb=max(turn.peak_mb for turn in all_turns),
        start_cpu_seconds=sum(turn.start_cpu_seconds for turn in all_turns) / len(all_turns),
        records=records,
    )


def measure(ground: Ground, *, records: int, turns: int, limit_seconds: float) -> list[Turn]:
    """All programs on all loads, in turns."""
    return [
        _turn(ground, load, program, records, limit_seconds)
        for _ in range(turns)
        for load in ("dense", "wide")
        for program in PROGRAMS
    ]


def tables(turns: Iterable[Turn]) -> tuple[Table, Table]:
    """The figures, and what they say about the bars."""
    by_row: dict[tuple[str, str], list[Turn]] = {}
    for turn in turns:
        by_row.setdefault((turn.load, turn.program), []).append(turn)
    found = {row: figures(its_turns) for row, its_turns in by_row.items()}
    rows = [(f"{load}, {program}", *_cells(each)) for (load, program), each in found.items()]
    return (
        Table("Beside a straightforward consumer", COLUMNS, tuple(rows), (NOTE,)),
        Table(
            "How many times fewer", ("what", "times fewer", "bar", "kept"), tuple(_bars(found)), (BARS_NOTE,)
        ),
    )


def _cells(each: Figures) -> tuple[float | int, ...]:
    return (
        each.cpu_seconds_per_1000_calls,
        each.cpu_seconds_per_100000_records,
        each.records_per_second,
        each.events_per_call,
        each.peak_mb,
        each.start_cpu_seconds,
        each.records,
    )


def _bars(found: Mapping[tuple[str, str], Figures]) -> Iterator[tuple[Cell, ...]]:
    for program in (WORKER, WORKER_WITHOUT_QUOTA):
        for load in ("dense", "wide"):
            ours, theirs = found[load, program], found[load, STRAIGHTFORWARD]
            a_call = theirs.cpu_seconds_per_1000_calls / ours.cpu_seconds_per_1000_calls
            a_record = theirs.cpu_seconds_per_100000_records / ours.cpu_seconds_per_100000_records
            calls = ours.events_per_call / theirs.events_per_call
            yield _row(f"CPU a call, {load}, {program}", a_call, CPU_BAR if load == "dense" else None)
            yield _row(f"CPU a record, {load}, {program}", a_record, None)
            filled = load == "wide" and program == WORKER
            yield _row(f"calls, {load}, {program}", calls, CALLS_BAR if filled else None)


def _row(what: str, times: float, limit: float | None) -> tuple[Cell, ...]:
    return (what, times, "", "") if limit is None else bar(what, times, limit, at_least=True)


def _turn(ground: Ground, load: str, program: str, records: int, limit_seconds: float) -> Turn:
    topic = ground.topic(load, records)
    with endpoint(ground.folder()) as api, PROGRAMS[program](ground, topic, api.url) as process:
        return watch(process, api, (load, program), records, limit_seconds)


def first_call(process: Process, api: Endpoint) -> tuple[Summary, float]:
    """Wait for the first accepted call; the books then, and the CPU seconds it took to get there."""
    deadline = time.monotonic() + FIRST_CALL_SECONDS
    while not (books := api.books()).accepted_calls:
        process.complain_if_ended()
        if time.monotonic() > deadline:
            raise TimeoutError(f"no call accepted within {FIRST_CALL_SECONDS:g} s: {process.last_words()}")
        time.sleep(LOOK_SECONDS)
    return books, process.cpu_seconds()


def watch(
    process: Process, api: Endpoint, names: tuple[str, str], records: int, limit_seconds: float
) -> Turn:
    """From the first accepted call to the last, or to the time limit."""
    first, start_cpu_seconds = first_call(process, api)
    deadline = time.monotonic() + limit_seconds
    last = first
    while last.accepted_events < records and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        process.complain_if_ended()
        last = api.books()
    cpu_seconds = process.cpu_seconds() - start_cpu_seconds
    assert first.last_accepted_at_seconds
    assert last.last_accepted_at_seconds
    return Turn(
        *names,
        calls=last.accepted_calls - first.accepted_calls,
        records=last.accepted_events - first.accepted_events,
        seconds=last.last_accepted_at_seconds - first.last_accepted_at_seconds,
        cpu_seconds=cpu_seconds,
        start_cpu_seconds=start_cpu_seconds,
        peak_mb=process.peak_mb(),
    )
