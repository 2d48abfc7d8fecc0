"""What a panel shows, apart from how Grafana writes it."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from worker.telemetry.definition import PREFIX
from worker.telemetry.definitions import DEFINITIONS

# The variables at the top of the dashboard. ".*" also matches where a label is missing.
SELECTOR: Final = 'namespace=~"$namespace",job=~"$job",worker=~"$worker",pod=~"$pod"'
WINDOW: Final = "$__rate_interval"
_BY_NAME: Final = {each.name: each for each in DEFINITIONS}


class Query(Struct, frozen=True):
    """One query, and what its series are called: ``{{label}}`` stands for a label's value."""

    expr: str
    legend: str


class Chart(Struct, frozen=True, kw_only=True):
    """One panel."""

    title: str
    unit: str
    """Grafana's word for it."""
    queries: tuple[Query, ...]
    description: str
    kind: Literal["lines", "stacked", "figure"] = "lines"
    red_from: float | None = None
    """A value that somebody should look at."""
    highest: float | None = None
    """Where the axis ends; None: at the highest value."""


def chart(  # noqa: PLR0913  one for each field
    title: str,
    unit: str,
    *queries: tuple[str, str],
    about: str,
    kind: Literal["lines", "stacked", "figure"] = "lines",
    red_from: float | None = None,
    highest: float | None = None,
) -> Chart:
    """Make a panel; ``about`` is the metric whose explanation it bears, or a sentence."""
    definition = _BY_NAME.get(about)
    return Chart(
        title=title,
        unit=unit,
        queries=tuple(Query(expr, legend) for expr, legend in queries),
        description=about if definition is None else f"{definition.meaning} {definition.action}",
        kind=kind,
        red_from=red_from,
        highest=highest,
    )


def series(name: str, matchers: str = "") -> str:
    """Return the chosen series of one of the worker's metrics."""
    return f"{PREFIX}{name}{{{SELECTOR}{',' if matchers else ''}{matchers}}}"


def process(name: str) -> str:
    """Return the chosen series of a metric that every process has."""
    return f"{name}{{{SELECTOR}}}"


def rate(name: str, matchers: str = "") -> str:
    """Return a counter's rate a second."""
    return f"rate({series(name, matchers)}[{WINDOW}])"


def increase(name: str, window: str = "15m") -> str:
    """Return by how much a counter grew."""
    return f"increase({series(name)}[{window}])"


def part(of: str, whole: str) -> str:
    """Return one sum over all pods, divided by another."""
    return f"{total(of)} / {total(whole)}"


def total(expr: str, *labels: str) -> str:
    """Return the sum over all pods, by these labels."""
    return f"sum{_by(labels)} ({expr})"


def worst(expr: str, *labels: str) -> str:
    """Return the maximum over all pods, by these labels."""
    return f"max{_by(labels)} ({expr})"


def quantile(part: float, name: str) -> str:
    """Return a quantile of a histogram, over all pods."""
    return f"histogram_quantile({part}, {total(rate(f'{name}_bucket'), 'le')})"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""
