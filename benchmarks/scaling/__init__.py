"""A day of load under policies of scaling, played: rebalances, ages and worker-hours.

What decides under "desired workers" is the worker's own code, pod by pod.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.report import Table
from benchmarks.scaling.autoscalers import AS_SLOW, Fixed, Ours, by_cpu, by_lag
from benchmarks.scaling.day import SCENARIOS
from benchmarks.scaling.picture import draw
from benchmarks.scaling.play import play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from benchmarks.scaling.autoscalers import Policy
    from benchmarks.scaling.play import Outcome

COLUMNS = (
    "policy",
    "rebalances",
    "stopped, partition minutes",
    "age p50, s",
    "p99",
    "max",
    "worker-hours",
    "most pods",
)


def average(known: Iterable[int]) -> float:
    """Return the mean, as ``avg`` does."""
    numbers = list(known)
    return sum(numbers) / len(numbers)


POLICIES: Mapping[str, Callable[[], Policy]] = {
    "fixed, 2 pods": lambda: Fixed(2),
    "fixed, 12 pods": lambda: Fixed(12),
    "lag, KEDA's default of 10": lambda: by_lag(10),
    "lag, 10,000 a pod": lambda: by_lag(10_000),
    "lag, 10,000, as slow as ours": lambda: by_lag(10_000, AS_SLOW),
    "HPA on CPU, 70 %": by_cpu,
    "HPA on CPU, as slow as ours": lambda: by_cpu(AS_SLOW),
    "desired workers, max": lambda: Ours(max),
    "desired workers, avg": lambda: Ours(average),
}


# Those that are drawn; the others differ less to the eye.
DRAWN = ("quota-bound peak", "CPU-bound peak", "API away for 30 min", "old backlog")


def run(picture: Path | None) -> Iterator[Table]:
    """Play all days, draw them where ``picture`` says, and return the tables."""
    played = outcomes()
    if picture is not None:
        drawn = {name: played[name] for name in DRAWN}
        away = {each.name: each.outage for each in SCENARIOS}
        drawing = draw(drawn, "Pods over a day, by what they are scaled on", away)
        picture.write_text(drawing, encoding="utf-8")
    return tables(played)


def outcomes() -> dict[str, dict[str, Outcome]]:
    """Play all days under all policies."""
    return {
        scenario.name: {name: play(scenario, policy()) for name, policy in POLICIES.items()}
        for scenario in SCENARIOS
    }


def tables(played: Mapping[str, Mapping[str, Outcome]]) -> Iterator[Table]:
    """One table a day."""
    for scenario, outcome_of in played.items():
        rows = tuple(
            (
                name,
                each.rebalances,
                each.stopped_minutes,
                each.p50_seconds,
                each.p99_seconds,
                each.max_seconds,
                each.worker_hours,
                each.most_pods,
            )
            for name, each in outcome_of.items()
        )
        yield Table(scenario, COLUMNS, rows)
