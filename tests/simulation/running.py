"""Many schedules, spread over processes: what came of them, added up."""

from __future__ import annotations

import gc
import os
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from tests.simulation.defects import planted
from tests.simulation.making import make_schedule
from tests.simulation.playing import play, simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.simulation.world import Broken

AT_A_TIME: Final = 25
_FOR_LIFE: Final = ExitStack()
# In so many schedules every kind of fault has come up many times over.
ENOUGH_TO_SEE_ALL: Final = 2000

# Steps come up by themselves; these are what they are to lead to.
MUST_BE_SEEN: Final = (
    "a SIGTERM with records unsettled",
    "a cut while records are held",
    "a pause that outlived its assignment",
    "a call accepted after its sender gave it up",
    "a call answered Accepted",
    "a call answered Misconfigured",
    "a call answered TransientFault",
    "a call answered Refused",
    "a call answered Throttled",
    "a call that outlived its sender",
    "a commit that failed",
    "a commit that was fenced",
    "a commit whose acknowledgement was lost",
    "a crash with calls under way",
    "a dead letter that was not taken",
    "a dead letter whose acknowledgement was lost",
    "a member that does not hear of its loss",
    "a member that joined",
    "a consumer that gave way to another with records unsettled",
    "a process that was stopped",
    "a restart of a worker that held what it could not map",
    "a dead letter of an element",
    "a record that holds several events",
    "a record that waits for its schema",
    "a schema that the registry did not have yet",
    "a session that timed out",
    "all else done with while a partition waits for its schema",
    "an answer about a schema that nobody waited for any more",
    "an answer that was lost",
    "calls.failing",
    "sending.held dead_letters",
    "sending.held misconfigured",
    "sending.held refusals",
    "group.rebalanced assigned",
    "group.rebalanced lost",
    "group.rebalanced revoked",
    "intake.paused",
    "intake.resumed",
    "kafka.commit_timed_out",
    "kafka.log_cut",
    "kafka.login_renewed",
    "kafka.sought",
    "leave.timed_out",
    "poison that had to be fixed",
    "records from below a cut that were fetched ahead and thrown away",
    "records that waited unmapped for memory",
    "records.held schema_registry",
    "records.held unmappable",
    "records.released",
    "records.released schema_registry",
    "records.too_old",
    "schema.fetched JSON",
    "schema.unknown",
)


class Failure(Struct, frozen=True):
    """A schedule under which a promise was broken."""

    seed: int
    broken: Broken


class Totals(Struct):
    """What came of some schedules."""

    played: int = 0
    turns: int = 0
    virtual_seconds: float = 0.0
    seen: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def add(self, other: Totals) -> None:
        self.played += other.played
        self.turns += other.turns
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
        totals.turns += played.turns
        totals.virtual_seconds += played.seconds
        totals.seen.update(played.seen)
        if played.broken is not None:
            totals.failures.append(Failure(seed, played.broken))
    return totals


def schedules_until_found(name: str, most: int) -> tuple[str, int, Broken | None]:
    """Plant a defect, and play until a promise is broken: the defect, how many were played, what it broke."""
    with planted(name):
        for seed in range(most):
            if (broken := play(make_schedule(seed)).broken) is not None:
                return name, seed + 1, broken
    return name, most, None


def play_many(
    pool: ProcessPoolExecutor, first: int, seeds: int, progress: Callable[[Totals], None]
) -> Totals:
    """Play so many schedules from ``first`` on; tell how it goes after each few."""
    chunks = (range(at, min(at + AT_A_TIME, first + seeds)) for at in range(first, first + seeds, AT_A_TIME))
    return _add_up(pool, chunks, progress)


def _add_up(pool: ProcessPoolExecutor, chunks: Iterator[range], progress: Callable[[Totals], None]) -> Totals:
    totals = Totals()
    # Two for each process: one is played, one waits.
    under_way = {pool.submit(play_seeds, each) for each in islice(chunks, 2 * (os.cpu_count() or 1))}
    while under_way:
        done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
        for each in done:
            totals.add(each.result())
        progress(totals)
        under_way |= {pool.submit(play_seeds, each) for each in islice(chunks, len(done))}
    return totals


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
