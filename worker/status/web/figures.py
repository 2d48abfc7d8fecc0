"""The figures of the flow, each with its curve: what comes in, what goes out, how late it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.status.history import steps
from worker.status.web.curves import MINUTES, Point, curve
from worker.status.web.markup import Markup, element
from worker.status.words import ago

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.core.model.worker_status import WorkerStatus
    from worker.status.history import Sample

_FEW: Final = 10
# Less would be written as 0.0, which looks like nothing.
_LEAST: Final = 0.05


class Figure(Struct, frozen=True):
    """A figure and how it was."""

    name: str
    unit: str
    points: Sequence[Point]
    show: Callable[[float], str]
    limit: float | None = None
    is_wrong: bool = False
    """Whether it should be zero."""

    def in_words(self, value: float) -> str:
        """Write a value with its unit."""
        return f"{self.show(value)} {self.unit}".rstrip()


def figures(status: WorkerStatus, samples: Sequence[Sample]) -> Markup:
    """Return the section."""
    limit = None if status.sending is None else status.sending.rate_calls_per_second
    calls = f"calls/s, of {compact(limit)}" if limit else "calls/s"
    behind = ("", ago) if status.source == "kinesis" else ("records", compact)
    shown = (
        Figure("In", "records/s", _rates(samples, "received"), compact),
        Figure("Accepted", "events/s", _rates(samples, "accepted"), compact),
        Figure("Dead-lettered", "a second", _rates(samples, "dead_lettered"), compact, is_wrong=True),
        Figure("Oldest record", "old", _values(samples, lambda each: each.oldest_age_seconds), ago),
        Figure("Behind", behind[0], _values(samples, lambda each: each.lag), behind[1]),
        Figure("Calls", calls, _rates(samples, "calls"), compact, limit=limit),
    )
    return element(
        "section.flow",
        element("h2", "Flow", element("span.count", f"last {MINUTES} minutes"), id="flow-h"),
        element("dl.figures", *map(_figure, shown)),
        aria_labelledby="flow-h",
    )


def _rates(samples: Sequence[Sample], field: str) -> list[Point]:
    now = samples[-1].at
    return [Point(now - after.at, after.rate(before, field)) for before, after in steps(samples)]


def _values(samples: Sequence[Sample], value: Callable[[Sample], float | None]) -> list[Point]:
    now = samples[-1].at
    return [Point(now - each.at, found) for each in samples if (found := value(each)) is not None]


def _figure(figure: Figure) -> Markup:
    points = figure.points
    is_wrong = figure.is_wrong and any(each.value for each in points)
    is_wrong_now = is_wrong and bool(points[-1].value)
    return element(
        "div.figure.wrong" if is_wrong else "div.figure",
        element("dt", figure.name),
        element(
            "dd",
            element(
                "span.value.now" if is_wrong_now else "span.value",
                figure.show(points[-1].value) if points else "-",
            ),
            element("span.unit", f" {figure.unit}") if figure.unit else None,
        ),
        element("dd.drawn", curve(figure.name, points, figure.in_words, limit=figure.limit)),
    )


def compact(value: float) -> str:
    """Write a number as short as it may be: 0.4, 12, 1,204."""
    if 0 < value < _FEW:
        return f"{value:.1f}" if value >= _LEAST else "under 0.1"
    return f"{value:,.0f}"
