"""``python -m tests.simulation.kinesis``: plays schedules, shows one, or plants defects."""
# ruff: noqa: T201  printing is the job

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from tests.simulation.__main__ import tell_totals
from tests.simulation.command import arguments, find_defects
from tests.simulation.kinesis.defects import DEFECTS, WITHIN_SCHEDULES, planted
from tests.simulation.kinesis.making import make_schedule
from tests.simulation.kinesis.playing import play, simulated
from tests.simulation.kinesis.running import play_many, processes, schedules_until_found, unseen
from tests.simulation.kinesis.shrinking import shrink
from tests.simulation.trace_text import tell_trace

if TYPE_CHECKING:
    from tests.simulation.kinesis.schedule import Schedule


def main() -> int:
    """0 when no promise was broken, and every defect was found."""
    chosen = arguments(
        "tests.simulation.kinesis", "Whole workers on Kinesis, under faults.", DEFECTS, 200
    ).parse_args()
    if chosen.defects:
        with processes(chosen.jobs) as pool:
            return find_defects(pool, schedules_until_found, DEFECTS, WITHIN_SCHEDULES)
    if chosen.seed is not None:
        return _show(chosen.seed, chosen.defect)
    return _play(chosen.jobs, chosen.first, chosen.seeds)


def _play(jobs: int, first: int, seeds: int) -> int:
    began = time.monotonic()
    with processes(jobs) as pool:
        totals = play_many(pool, first, seeds)
    for line in tell_totals(totals, time.monotonic() - began):
        print(line)
    for failure in totals.failures:
        print(f"seed {failure.seed}: {failure.broken.promise}: {failure.broken.how}")
    if never := unseen(totals):
        print(f"Never came up: {', '.join(never)}")
    return 1 if totals.failures or never else 0


def _show(seed: int, defect: str | None) -> int:
    with ExitStack() as entered:
        entered.enter_context(simulated())
        entered.enter_context(planted(defect))
        schedule = make_schedule(seed)
        broken = play(schedule).broken
        if broken is not None:
            schedule = shrink(schedule, lambda simpler: _promise(simpler) == broken.promise)
        played = play(schedule)
    print(
        f"seed {seed}: {schedule.shards} shards, {schedule.start}, failover {schedule.failover_seconds:g} s"
    )
    for place, member in enumerate(schedule.members):
        print(f"  {'ABCD'[place]}{' from the start' if place < schedule.at_start else ''}: {member}")
    for step in schedule.steps:
        print(f"  {step}")
    for line in tell_trace(played.trace):
        print(line)
    print(f"{played.broken.promise}: {played.broken.how}" if played.broken else "All promises were kept.")
    print(f"Digest of all that happened: {played.digest()}")
    return 1 if played.broken else 0


def _promise(schedule: Schedule) -> Any:
    broken = play(schedule).broken
    return None if broken is None else broken.promise


if __name__ == "__main__":
    sys.exit(main())
