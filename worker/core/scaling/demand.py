"""How many workers' work the whole group has, by the load of one worker.

The estimate is that of DS2 and of Flink's autoscaler: what has to be done a second (what comes in, and the
backlog in the time in which it is to be caught up with), divided by what a worker does in a second of being
busy. Three things are added to it:

- The quota. More than it lets through is not asked for, and once it is the limit, lag counts for nothing:
  more workers would share the same quota.
- Lag counts only for a worker that is busy. Where an idle one has a backlog, something else is the limit,
  such as one session or a broker, and more workers would wait for the same thing.
- A worker knows its own part only. The whole group's is its own divided by its share of the partitions.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from worker.core.scaling.load import Load

# A backlog is to be worked off in this time.
CATCH_UP_SECONDS: Final = 600.0
# A backlog of so many seconds' records is no backlog: a rebalance leaves as much.
SLACK_SECONDS: Final = 30.0
# From here on the quota is the limit: as the rate limiter sees it, which then tries to borrow.
QUOTA_REACHED: Final = 0.9
# How busy a worker is to be, and how busy it may be before there should be more.
TARGET: Final = 0.65
HIGHEST: Final = 0.8
# Less busy than this, a worker could do more if it had the chance.
_BUSY: Final = 0.5
# Fewer records a second than this tell nothing about what a worker can do.
_LEAST_PER_SECOND: Final = 1.0


class Bound(StrEnum):
    """What decides how many workers there should be. The value is a metric's label."""

    UNKNOWN = "unknown"
    """Nothing is known: too little was seen yet, or no partitions are ours."""
    DRAINING = "draining"
    """The worker ends; the figure is left as it was."""
    HELD = "held"
    """Nothing is sent, or nothing comes through; the figure is left as it was."""
    QUOTA = "quota_bound"
    """The quota is the limit: more workers would not send more."""
    CPU = "cpu_bound"
    """This worker's CPU is nearly used up."""
    IN_FLIGHT = "in_flight_bound"
    """Nearly as many calls are in flight as may be: the API answers slowly."""
    CATCHING_UP = "catching_up"
    """There is a backlog, and the figure is what works it off in time."""
    ELSEWHERE = "bound_elsewhere"
    """There is a backlog, though neither CPU nor quota is the limit: more workers would wait as well."""
    PARTITIONS = "partitions_reached"
    """More workers are needed than there are partitions."""
    CALM = "calm"
    """What comes in is delivered, with room to spare."""


class Demand(Struct, frozen=True):
    """What the whole group has to do, in workers that are busy all the time."""

    busy_workers: float
    bound: Bound
    partitions: int


def demand(load: Load) -> Demand:
    """Return what the whole group has to do."""
    busy = max(load.cpu_ratio, load.in_flight_ratio)
    late = max(0.0, load.backlog_records - SLACK_SECONDS * load.arrival_per_second)
    own = busy if _is_quota_bound(load) else busy * _growth(load, late, busy)
    return Demand(own / load.share_ratio, _bound(load, late, busy), load.partitions)


def _growth(load: Load, late_records: float, busy: float) -> float:
    """Return how many times as much as now has to be done."""
    if load.settled_per_second < _LEAST_PER_SECOND:
        return 1.0
    needed = (load.arrival_per_second + late_records / CATCH_UP_SECONDS) / load.settled_per_second
    if load.quota_ratio > 0:
        needed = min(needed, 1 / load.quota_ratio)
    return needed if busy >= _BUSY else min(needed, 1.0)


def _bound(load: Load, late_records: float, busy: float) -> Bound:
    if _is_quota_bound(load):
        return Bound.QUOTA
    if busy >= HIGHEST:
        return Bound.CPU if load.cpu_ratio >= load.in_flight_ratio else Bound.IN_FLIGHT
    if not late_records:
        return Bound.CALM
    return Bound.CATCHING_UP if busy >= _BUSY or _catches_up(load) else Bound.ELSEWHERE


def _catches_up(load: Load) -> bool:
    return load.settled_per_second > load.arrival_per_second


def _is_quota_bound(load: Load) -> bool:
    return load.is_throttled or load.quota_ratio >= QUOTA_REACHED
