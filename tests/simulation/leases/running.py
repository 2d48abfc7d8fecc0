"""Many schedules of the leases, spread over processes; what came of them, added up; and one made smaller."""

from __future__ import annotations

import gc
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from tests.simulation.leases.defects import WITHIN_SCHEDULES, planted
from tests.simulation.leases.making import make_schedule
from tests.simulation.leases.playing import play, simulated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.simulation.leases.schedule import Schedule
    from tests.simulation.leases.world import Broken

AT_A_TIME: Final = 10
_MOST_PLAYS: Final = 200
_FOR_LIFE: Final = ExitStack()
# In so many schedules all of these have come up many times over.
ENOUGH_TO_SEE_ALL: Final = 500
MUST_BE_SEEN: Final = (
    "a lease that was handed over",
    "a lease that was stolen",
    "a list of shards that failed",
    "a repeat",
    "a shard that ended",
    "a shard that left the list",
    "a table that is away",
    "a table that is throttled",
    "a write that came late",
    "an answer of the table that was lost",
    "lease.deleted",
    "lease.lost not_handed_over_in_time",
    "lease.lost not_renewed_in_time",
    "lease.lost row_deleted",
    "lease.lost taken_by_another",
)


class Totals(Struct):
    """What came of some schedules."""

    played: int = 0
    virtual_seconds: float = 0.0
    seen: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, Broken]] = field(default_factory=list)

    def add(self, other: Totals) -> None:
        self.played += other.played
        self.virtual_seconds += other.virtual_seconds
        self.seen.update(other.seen)
        self.failures += other.failures

    def unseen(self) -> list[str]:
        """What should have come up and did not."""
        return [each for each in MUST_BE_SEEN if not self.seen[each]]


def play_seeds(seeds: Sequence[int]) -> Totals:
    """Play these schedules, in this process."""
    totals = Totals()
    for seed in seeds:
        played = play(make_schedule(seed))
        totals.played += 1
        totals.virtual_seconds += played.seconds
        totals.seen.update(played.seen)
        if played.broken is not None:
            totals.failures.append((seed, played.broken))
    return totals


def play_many(pool: ProcessPoolExecutor, first: int, seeds: int) -> Totals:
    """Play so many schedules from ``first`` on."""
    totals = Totals()
    chunks = [range(at, min(at + AT_A_TIME, first + seeds)) for at in range(first, first + seeds, AT_A_TIME)]
    for each in pool.map(play_seeds, chunks):
        totals.add(each)
    return totals


def schedules_until_found(name: str, most: int = WITHIN_SCHEDULES) -> tuple[str, int, Broken | None]:
    """Plant a defect, and play until a promise is broken: the defect, how many were played, what it broke."""
    with planted(name):
        for seed in range(most):
            if (broken := play(make_schedule(seed)).broken) is not None:
                return name, seed + 1, broken
    return name, most, None


def shrink(schedule: Schedule, promise: str) -> Schedule:
    """The fewest steps found that still break the promise, by halves, quarters and single ones."""
    plays, size = 0, len(schedule.steps)
    while size and plays < _MOST_PLAYS:
        begin, before = 0, len(schedule.steps)
        while begin < len(schedule.steps):
            simpler = replace(schedule, steps=schedule.steps[:begin] + schedule.steps[begin + size :])
            broken = play(simpler).broken
            plays += 1
            if broken is not None and broken.promise == promise:
                schedule = simpler
            else:
                begin += size
        # A step that mattered may not matter once others are gone.
        if size > 1 or len(schedule.steps) == before:
            size //= 2
    return schedule


@contextmanager
def processes(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that can play."""
    # Not forked: a child would have its parent's threads without what drives them.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_prepare) as pool:
        yield pool


def _prepare() -> None:
    _FOR_LIFE.enter_context(simulated())
    # A schedule leaves much behind at once; in its course there is little to collect.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
