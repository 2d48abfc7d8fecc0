"""``python -m tests.simulation.leases``: plays schedules, shows one, or plants defects."""
# ruff: noqa: T201  printing is the job

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.simulation.leases.defects import DEFECTS, WITHIN_SCHEDULES, planted
from tests.simulation.leases.making import make_schedule
from tests.simulation.leases.playing import play, schedules_until_found, simulated


def main() -> int:
    """0 when no promise was broken, and every defect was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.leases")
    parser.add_argument("--seeds", type=int, default=500, help="how many schedules (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="play this one, and tell all that happened")
    parser.add_argument("--defect", choices=tuple(DEFECTS), help="with --seed: plant this one")
    parser.add_argument("--defects", action="store_true", help="plant each defect, and look when it is found")
    chosen = parser.parse_args()
    with simulated(), planted(chosen.defect):
        if chosen.defects:
            return _find_defects()
        return _show(chosen.seed) if chosen.seed is not None else _play(chosen.first, chosen.seeds)


def _show(seed: int) -> int:
    schedule = make_schedule(seed)
    played = play(schedule)
    print(schedule.start, schedule.shards, "shards;", schedule.members)
    for at, what in played.trace:
        print(f"{at:9.3f}  {what}")
    print(played.broken or "All promises were kept.")
    return 1 if played.broken else 0


def _play(first: int, seeds: int) -> int:
    began, seen, failed, seconds = time.monotonic(), Counter[str](), 0, 0.0
    for seed in range(first, first + seeds):
        played = play(make_schedule(seed))
        seen.update(played.seen)
        seconds += played.seconds
        if played.broken:
            failed += 1
            print(f"seed {seed}: {played.broken.promise}: {played.broken.how}", flush=True)
    for what, times in sorted(seen.items()):
        print(f"{times:9,}  {what}")
    took = time.monotonic() - began
    print(f"{seeds} schedules, {seconds / 3600:.0f} hours of virtual time in {took:.0f} s; {failed} failed")
    return 1 if failed else 0


def _find_defects() -> int:
    print("schedules  defect, and the promise that it broke")
    missed = 0
    for name in DEFECTS:
        with planted(name):
            played, broken = schedules_until_found(WITHIN_SCHEDULES)
        missed += broken is None
        print(f"{played:9d}  {name}: {broken.promise if broken else 'NOT FOUND'}", flush=True)
    print(f"{len(DEFECTS) - missed} of {len(DEFECTS)} planted defects found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
