"""``python -m tests.simulation``: plays schedules, shows one, or plants defects."""
# ruff: noqa: T201  printing is the job

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.simulation.command import arguments, find_defects
from tests.simulation.defects import DEFECTS, WITHIN_SCHEDULES, planted
from tests.simulation.making import make_schedule
from tests.simulation.playing import play, simulated
from tests.simulation.running import ENOUGH_TO_SEE_ALL, play_many, processes, schedules_until_found
from tests.simulation.shrinking import shrink
from tests.simulation.trace_text import tell_schedule, tell_trace

if TYPE_CHECKING:
    from tests.simulation.playing import Played
    from tests.simulation.running import Failure, Totals
    from tests.simulation.schedule import Schedule

_SHOWN_FAILURES = 3


def main() -> int:
    """0 when no promise was broken, and every defect was found."""
    chosen = arguments(
        "tests.simulation", "The worker under seeded schedules of faults.", DEFECTS, 2000
    ).parse_args()
    if chosen.defects:
        with processes(chosen.jobs) as pool:
            return find_defects(pool, schedules_until_found, DEFECTS, WITHIN_SCHEDULES)
    if chosen.seed is not None:
        return _show(chosen.seed, chosen.defect)
    return _play(chosen.jobs, chosen.first, chosen.seeds)


def _play(jobs: int, first: int, seeds: int) -> int:
    began, told = time.monotonic(), [time.monotonic()]

    def progress(totals: Totals) -> None:
        if time.monotonic() - told[0] >= 5 or totals.played == seeds:
            told[0] = time.monotonic()
            rate = totals.played / (told[0] - began)
            print(
                f"{totals.played} of {seeds}, {rate:.0f} a second, {len(totals.failures)} failed", flush=True
            )

    with processes(jobs) as pool:
        totals = play_many(pool, first, seeds, progress)
    seconds = time.monotonic() - began
    for line in tell_totals(totals, seconds):
        print(line)
    for failure in totals.failures[:_SHOWN_FAILURES]:
        _explain(failure)
    unseen = totals.unseen() if totals.played >= ENOUGH_TO_SEE_ALL else []
    if unseen:
        print(f"Never came up: {', '.join(unseen)}")
    return 1 if totals.failures or unseen else 0


def tell_totals(totals: Totals, seconds: float) -> list[str]:
    """What happened how often, and how fast it was played."""
    hours, rate = totals.virtual_seconds / 3600, totals.played / seconds
    return [
        *(f"  {times:9,}  {what}" for what, times in sorted(totals.seen.items())),
        f"  {hours:9,.0f}  hours of virtual time",
        f"{totals.played:,} schedules in {seconds:.0f} s, {rate:.0f} a second; {len(totals.failures)} failed",
    ]


def _explain(failure: Failure) -> None:
    """Shrink it, and tell what is left."""
    with simulated():
        _tell_shrunk(make_schedule(failure.seed), failure.broken.promise, failure.seed, "")


def _tell_shrunk(schedule: Schedule, promise: str, seed: int, more: str) -> None:
    small = shrink(schedule, lambda simpler: _breaks(simpler, promise))
    print(f"\nBroken: {promise}. Of {len(schedule.steps)} steps these {len(small.steps)} matter:")
    played = play(small)
    _print(played, small)
    print(f"Replay it: python -m tests.simulation --seed {seed}{more}")


def _breaks(schedule: Schedule, promise: str) -> bool:
    broken = play(schedule).broken
    return broken is not None and broken.promise == promise


def _print(played: Played, schedule: Schedule) -> None:
    for line in (*tell_schedule(schedule), "", *tell_trace(played.trace)):
        print(line)
    print(f"{played.broken.promise}: {played.broken.how}" if played.broken else "All promises were kept.")
    print(f"Digest of all that happened: {played.digest()}")


def _show(seed: int, defect: str | None) -> int:
    with ExitStack() as entered:
        entered.enter_context(simulated())
        entered.enter_context(planted(defect))
        schedule = make_schedule(seed)
        played = play(schedule)
        _print(played, schedule)
        if played.broken:
            more = f' --defect "{defect}"' if defect else ""
            _tell_shrunk(schedule, played.broken.promise, seed, more)
    return 1 if played.broken else 0


if __name__ == "__main__":
    sys.exit(main())
