"""``python -m tests.simulation.leases``: plays schedules, shows one, or plants defects."""
# ruff: noqa: T201  printing is the job

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING

from tests.simulation.leases.defects import DEFECTS, planted
from tests.simulation.leases.making import make_schedule
from tests.simulation.leases.playing import play, simulated
from tests.simulation.leases.running import (
    ENOUGH_TO_SEE_ALL,
    play_many,
    processes,
    schedules_until_found,
    shrink,
)

if TYPE_CHECKING:
    from tests.simulation.leases.playing import Played
    from tests.simulation.leases.schedule import Schedule


def main() -> int:
    """0 when no promise was broken, and every defect was found."""
    chosen = _parser().parse_args()
    if chosen.defects:
        return _find_defects(chosen.jobs)
    if chosen.seed is not None:
        with simulated(), planted(chosen.defect):
            return _show(make_schedule(chosen.seed))
    return _play(chosen.jobs, chosen.first, chosen.seeds)


def _play(jobs: int, first: int, seeds: int) -> int:
    began = time.monotonic()
    with processes(jobs) as pool:
        totals = play_many(pool, first, seeds)
    for what, times in sorted(totals.seen.items()):
        print(f"  {times:9,}  {what}")
    for seed, broken in totals.failures:
        print(f"{broken.promise}: {broken.how}; replay it: python -m tests.simulation.leases --seed {seed}")
    hours, took = totals.virtual_seconds / 3600, time.monotonic() - began
    print(
        f"{seeds} schedules, {hours:.0f} hours of virtual time in {took:.0f} s, {len(totals.failures)} failed"
    )
    unseen = totals.unseen() if seeds >= ENOUGH_TO_SEE_ALL else []
    if unseen:
        print(f"Never came up: {', '.join(unseen)}")
    return 1 if totals.failures or unseen else 0


def _show(schedule: Schedule) -> int:
    played = play(schedule)
    _tell(schedule, played)
    if played.broken is None:
        return 0
    small = shrink(schedule, played.broken.promise)
    print(f"\nOf {len(schedule.steps)} steps these {len(small.steps)} matter:")
    _tell(small, play(small))
    return 1


def _tell(schedule: Schedule, played: Played) -> None:
    print(f"{schedule.start}, {schedule.shards} shards, {schedule.members}")
    for at, what in played.trace:
        print(f"{at:9.3f}  {what}")
    print(f"{played.broken.promise}: {played.broken.how}" if played.broken else "All promises were kept.")
    print(f"Digest of all that happened: {played.digest()}")


def _find_defects(jobs: int) -> int:
    print("schedules  defect, and the promise that it broke")
    missed = 0
    with processes(jobs) as pool:
        for name, played, broken in pool.map(schedules_until_found, DEFECTS):
            missed += broken is None
            print(f"{played:9d}  {name}: {broken.promise if broken else 'NOT FOUND'}", flush=True)
    print(f"{len(DEFECTS) - missed} of {len(DEFECTS)} planted defects found")
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.leases", description="Leases under seeded schedules of faults."
    )
    parser.add_argument("--seeds", type=int, default=500, help="how many schedules (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: %(default)s)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)"
    )
    parser.add_argument(
        "--seed", type=int, help="play this one, tell all that happened, shrink it if it fails"
    )
    parser.add_argument("--defect", choices=tuple(DEFECTS), help="with --seed: plant this one")
    parser.add_argument("--defects", action="store_true", help="plant each defect, and look when it is found")
    return parser


if __name__ == "__main__":
    sys.exit(main())
