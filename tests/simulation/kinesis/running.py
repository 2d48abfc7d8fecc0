"""Many schedules, spread over processes: what came of them, added up."""

from __future__ import annotations

import gc
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final

from tests.simulation.kinesis.defects import planted
from tests.simulation.kinesis.making import make_schedule
from tests.simulation.kinesis.playing import play, simulated
from tests.simulation.running import Failure, Totals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.simulation.world import Broken

# In so many schedules all of this has come up.
ENOUGH_TO_SEE_ALL: Final = 500
MUST_BE_SEEN: Final = (
    "a SIGTERM with records unsettled",
    "a call accepted after its sender gave it up",
    "a crash",
    "a process that was stopped",
    "a shard that was finished",
    "a throttled call of the stream",
    "an aggregate",
    "an answer of the table that was lost",
    "an answer that was lost",
    "an empty answer",
    "an expired iterator",
    "group.flushing",
    "group.rebalanced lost",
    "intake.paused",
    "intake.resumed",
    "kinesis.read_failed",
    "lease.asked_for",
    "lease.lost",
    "sending.held misconfigured",
)
_AT_A_TIME: Final = 5
_FOR_LIFE: Final = ExitStack()


def play_seeds(seeds: Sequence[int]) -> Totals:
    """Play these schedules, in this process."""
    totals = Totals()
    for seed in seeds:
        played = play(make_schedule(seed))
        totals.played += 1
        totals.turns += played.turns
        totals.virtual_seconds += played.seconds
        totals.seen.update(played.seen)
        if played.broken is not None:
            totals.failures.append(Failure(seed, played.broken))
    return totals


def play_many(pool: ProcessPoolExecutor, first: int, seeds: int) -> Totals:
    """Play so many schedules from ``first`` on."""
    totals = Totals()
    chunks = [
        range(at, min(at + _AT_A_TIME, first + seeds)) for at in range(first, first + seeds, _AT_A_TIME)
    ]
    for each in pool.map(play_seeds, chunks):
        totals.add(each)
    return totals


def unseen(totals: Totals) -> list[str]:
    """What should have come up and did not, in so many schedules."""
    if totals.played < ENOUGH_TO_SEE_ALL:
        return []
    return [each for each in MUST_BE_SEEN if not totals.seen[each]]


def schedules_until_found(name: str, most: int) -> tuple[str, int, Broken | None]:
    """Plant a defect, and play until a promise is broken: the defect, how many were played, what it broke."""
    with planted(name):
        for seed in range(most):
            if (broken := play(make_schedule(seed)).broken) is not None:
                return name, seed + 1, broken
    return name, most, None


@contextmanager
def processes(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that can play."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_prepare) as pool:
        yield pool


def _prepare() -> None:
    _FOR_LIFE.enter_context(simulated())
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
