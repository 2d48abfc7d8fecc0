"""How many workers there should be: one number that changes seldom, because each change is a rebalance.

Between the number at which workers are as busy as they may be and the one at which they are as busy as they
should be, any is left as it is. It rises once all of a minute asked for more, and falls once nothing in ten
minutes asked for as many. While nothing is sent it stays: neither an idle CPU nor a growing backlog says then
what is needed.
"""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.scaling.demand import HIGHEST, TARGET, Bound, demand
from worker.core.scaling.load import Window

if TYPE_CHECKING:
    from worker.core.scaling.demand import Demand
    from worker.core.scaling.load import Load
    from worker.core.scaling.observation import Observation

RISE_SECONDS: Final = 60.0
FALL_SECONDS: Final = 600.0
# Scrapes that follow one another faster bring nothing new.
STEP_SECONDS: Final = 5.0
# What lies within a thousandth of a whole number is that number.
_EXACT: Final = 1e-3


class Advice(Struct, frozen=True):
    """How many workers the whole group should have, and why."""

    workers: int | None = None
    """At least 1 and at most as many as there are partitions; None while unknown."""
    bound: Bound = Bound.UNKNOWN
    load: Load | None = None
    """What it was made from; None while too little was seen."""


class _Range(Struct, frozen=True):
    """Any number from ``least`` to ``most`` workers is fine."""

    at: float
    least: int
    most: int


class DesiredWorkers:
    """Follows the observations of one worker."""

    def __init__(self) -> None:
        self._window = Window()
        self._ranges: deque[_Range] = deque()
        self._observed_at: float | None = None
        self.advice = Advice()

    def observe(self, now: Observation) -> Advice:
        """Take in an observation, and return what is advised now."""
        if self._observed_at is not None and now.at < self._observed_at + STEP_SECONDS:
            return self.advice
        self._observed_at = now.at
        self.advice = self._advise(now)
        return self.advice

    def _advise(self, now: Observation) -> Advice:
        if now.is_draining or now.is_held:
            self._window.clear()
            self._ranges.clear()
            return Advice(self.advice.workers, Bound.DRAINING if now.is_draining else Bound.HELD)
        self._window.add(now)
        load = self._window.load()
        if load is None:
            # After a rebalance the number stays until enough was seen under the new share.
            known = now.own_partitions and self.advice.workers is not None
            return self.advice if known else Advice()
        needed = demand(load)
        workers = self._settle(needed, now.at, int(1 / load.share_ratio))
        bound = Bound.PARTITIONS if _workers(needed, HIGHEST) > needed.partitions else needed.bound
        return Advice(workers, bound, load)

    def _settle(self, needed: Demand, now: float, size: int) -> int:
        """Return the number that fits what was needed lately, near to the one that was advised last.

        ``size`` is how many workers there seem to be. Who has just come begins with that, where it will do:
        its first minutes, with what its partitions left for it, would ask for more each time one comes.
        """
        ranges = self._ranges
        ranges.append(_Range(now, _within(needed, HIGHEST), _within(needed, TARGET)))
        # One from before the time stays, which shows that all of the time is covered.
        while len(ranges) > 1 and ranges[1].at <= now - FALL_SECONDS:
            ranges.popleft()
        latest, before = ranges[-1], self.advice.workers
        if before is None:
            return min(max(size, latest.least), latest.most)
        if before > needed.partitions:
            return needed.partitions
        if self._is_covered(now, RISE_SECONDS) and self._least(now) > before:
            return latest.most
        if self._is_covered(now, FALL_SECONDS):
            return min(before, max(each.most for each in ranges))
        return before

    def _is_covered(self, now: float, seconds: float) -> bool:
        return self._ranges[0].at <= now - seconds

    def _least(self, now: float) -> int:
        return min(each.least for each in self._ranges if each.at >= now - RISE_SECONDS)


def _within(needed: Demand, busy: float) -> int:
    return min(needed.partitions, _workers(needed, busy))


def _workers(needed: Demand, busy: float) -> int:
    return max(1, ceil(needed.busy_workers / busy - _EXACT))
