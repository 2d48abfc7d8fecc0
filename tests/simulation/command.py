"""What the commands of the simulations share: arguments, and looking for planted defects."""
# ruff: noqa: T201  printing is the job

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import ProcessPoolExecutor

    from tests.simulation.world import Broken

    Search = Callable[[str, int], tuple[str, int, Broken | None]]


def arguments(program: str, what: str, defects: Iterable[str], schedules: int) -> argparse.ArgumentParser:
    """The command line of a simulation.

    Args:
        program: its module.
        what: what is played, in a line.
        defects: the names of those that can be planted.
        schedules: how many are played unless said.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=what)
    add = parser.add_argument
    add("--seeds", type=int, default=schedules, help="how many schedules (default: %(default)s)")
    add("--first", type=int, default=0, help="the first seed (default: %(default)s)")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    add("--seed", type=int, help="play this one, tell all that happened, shrink it if it fails")
    add("--defect", choices=tuple(defects), help="with --seed: plant this one")
    add("--defects", action="store_true", help="plant each defect, and look when it is found")
    return parser


def find_defects(pool: ProcessPoolExecutor, search: Search, defects: Iterable[str], within: int) -> int:
    """Tell after how many schedules each is found; 0 if all are."""
    print("schedules  defect, and the promise that it broke")
    looking = [pool.submit(search, name, within) for name in defects]
    missed = 0
    for each in looking:
        name, played, broken = each.result()
        missed += broken is None
        print(f"{played:9d}  {name}: {broken.promise if broken else 'NOT FOUND'}", flush=True)
    print(f"{len(looking) - missed} of {len(looking)} planted defects found")
    return 1 if missed else 0
