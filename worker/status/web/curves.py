"""Draws the last ten minutes of a figure as a small curve, and says the same in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.status.history import SAMPLE_SECONDS, SAMPLES
from worker.status.web.markup import Markup, element

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SECONDS: Final = SAMPLE_SECONDS * (SAMPLES - 1)
MINUTES: Final = round(SECONDS / 60)
_WIDTH: Final = 240
_HEIGHT: Final = 48
# Room for the line's own width.
_MARGIN: Final = 2


class Point(Struct, frozen=True, gc=False):
    """A value, and how many seconds ago it was so."""

    ago_seconds: float
    value: float


def curve(
    name: str, points: Sequence[Point], show: Callable[[float], str], *, limit: float | None = None
) -> Markup:
    """Return a curve from zero to the highest value.

    Args:
        name: what it shows.
        points: the oldest first.
        show: writes a value.
        limit: a line that the values can't exceed.
    """
    values = [each.value for each in points]
    most = max((*values, limit or 0.0), default=0.0) or 1.0
    drawn = [(_x(each.ago_seconds), _y(each.value / most)) for each in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
    return element(
        "svg.curve",
        _limit(limit, most),
        element("polygon", points=f"{drawn[0][0]:.1f},{_HEIGHT} {line} {drawn[-1][0]:.1f},{_HEIGHT}")
        if drawn
        else None,
        element("polyline", points=line) if drawn else None,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=_in_words(name, values, show),
    )


def _limit(limit: float | None, most: float) -> Markup | None:
    if not limit:
        return None
    y = f"{_y(limit / most):.1f}"
    return element("line", x1="0", x2=f"{_WIDTH}", y1=y, y2=y)


def _in_words(name: str, values: Sequence[float], show: Callable[[float], str]) -> str:
    if not values:
        return f"{name}: nothing known yet"
    low, high = show(min(values)), show(max(values))
    between = f"always {low}" if low == high else f"between {low} and {high}, now {show(values[-1])}"
    return f"{name}, the last {MINUTES} minutes: {between}"


def _x(ago_seconds: float) -> float:
    return _WIDTH * (1 - min(ago_seconds / SECONDS, 1.0))


def _y(part: float) -> float:
    return _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * part
