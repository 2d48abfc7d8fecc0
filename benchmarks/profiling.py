"""Where the worker's CPU goes: cProfile on the loop's thread, under dense load without a quota.

A profiler charges every Python call, so read the shares, not the seconds; librdkafka's threads are not in it.
"""

from __future__ import annotations

import os
import pstats
import sys
import time
from cProfile import Profile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from benchmarks.compare import NO_QUOTA, first_call
from benchmarks.processes import PROJECT, endpoint
from benchmarks.report import Table
from tests.support.waiting import until
from worker.cli import main

if TYPE_CHECKING:
    from benchmarks.ground import Ground

ROWS = 25
WAIT_SECONDS = 120.0
DUMP = "profile"


def table(ground: Ground, *, records: int) -> Table:
    """The functions that take most, by the time spent in themselves."""
    topic, folder = ground.topic("dense", records), ground.folder()
    runner = ("-m", "benchmarks.profiling", str(folder / DUMP), "run")
    with (
        endpoint(ground.folder()) as api,
        ground.worker(topic, api.url, runner=runner, requests_per_second=NO_QUOTA) as process,
    ):
        first_call(process, api)
        until(lambda: api.books().accepted_events >= records, WAIT_SECONDS, what="the topic delivered")
        process.popen.terminate()
        process.popen.wait(WAIT_SECONDS)
        calls = api.books().accepted_calls
    return _table(pstats.Stats(str(folder / DUMP)), calls, records)


def _table(stats: pstats.Stats, calls: int, records: int) -> Table:
    entries = sorted(vars(stats)["stats"].items(), key=lambda entry: entry[1][2], reverse=True)
    rows = (
        (_name(*where), 1e6 * own / calls, 1e6 * cumulative / calls, times / calls)
        for where, (_, times, own, cumulative, _) in entries[:ROWS]
    )
    return Table(
        f"Profile: {records:,} dense records, {calls:,} calls",
        ("function", "own µs a call", "with callees", "times a call"),
        tuple(rows),
    )


def _name(path: str, line: int, function: str) -> str:
    if path == "~":
        return function
    parts = Path(path).parts
    short = Path(path).relative_to(PROJECT) if path.startswith(str(PROJECT / "worker")) else Path(*parts[-2:])
    return f"{short}:{line} {function}"


def run_profiled(dump: str, arguments: list[str]) -> NoReturn:
    """The worker's command under the profiler."""
    # CPU time: by the clock, whoever waits would be charged for it.
    profiler = Profile(time.thread_time)
    leave = os._exit

    def keep(status: int) -> NoReturn:
        profiler.disable()
        profiler.dump_stats(dump)
        leave(status)

    # The worker ends by it, so that is where the profile is kept.
    os._exit = keep
    profiler.enable()
    keep(main(arguments))


if __name__ == "__main__":
    run_profiled(sys.argv[1], sys.argv[2:])
