"""Plays a day under a policy, and sums it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from benchmarks.scaling.day import DAY, HOUR, TICK, Arrivals
from benchmarks.scaling.group import START_SECONDS, Group

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from benchmarks.scaling.autoscalers import Policy
    from benchmarks.scaling.day import Scenario

FIRST_PODS = 2
POINT_SECONDS = 120.0


class Point(Struct, frozen=True):
    """One moment of the day."""

    hour: float
    records_per_second: float
    pods: int
    waiting_records: float


class Outcome(Struct, frozen=True, kw_only=True):
    """What a day came to."""

    rebalances: int
    stopped_minutes: float
    """For how long partitions stood still in rebalances, all of them summed up."""
    p50_seconds: int
    p99_seconds: int
    max_seconds: int
    """Ages of the records when they were delivered, to a step of the simulation upwards."""
    worker_hours: float
    most_pods: int
    left_records: float
    points: tuple[Point, ...]


def play(
    scenario: Scenario,
    policy: Policy,
    *,
    hours: float = DAY / HOUR,
    per_second: Callable[[float], float] | None = None,
) -> Outcome:
    """Play the day, or its first hours; ``per_second``: what comes in at a second of it, if not the curve."""
    coming = Arrivals(scenario).per_second if per_second is None else per_second
    group, points, most = Group(scenario, FIRST_PODS), [], 0
    away_from, away_until = (hour * HOUR for hour in scenario.outage)
    # Those who are there from the beginning have not joined.
    group.scale(policy.pods(group, -START_SECONDS, is_away=False), -START_SECONDS)
    for tick in range(int(hours * HOUR / TICK)):
        now = tick * TICK
        is_away, arriving = away_from <= now < away_until, coming(now)
        group.step(now, arriving * TICK, is_away=is_away)
        group.scale(policy.pods(group, now, is_away=is_away), now)
        most = max(most, len(group.pods))
        if now % POINT_SECONDS == 0:
            points.append(Point(now / HOUR, arriving, len(group.pods), group.waiting))
    p50, p99, longest = (_percentile(group.ages, part) for part in (0.5, 0.99, 1.0))
    return Outcome(
        rebalances=group.rebalances,
        stopped_minutes=group.stopped_seconds / 60,
        p50_seconds=p50,
        p99_seconds=p99,
        max_seconds=longest,
        worker_hours=group.pod_seconds / HOUR,
        most_pods=most,
        left_records=group.waiting,
        points=tuple(points),
    )


def _percentile(ages: Counter[int], part: float) -> int:
    """Return the age that so many records did not exceed."""
    left = part * ages.total()
    for age in sorted(age for age, records in ages.items() if records):
        left -= ages[age]
        if left <= 0:
            return age
    return max(ages, default=0)
