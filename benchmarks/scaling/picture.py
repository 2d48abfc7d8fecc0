"""The day as a picture: what comes in, and how many pods each policy has for it. Dark on dark pages."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.scaling.play import Outcome, Point

WIDTH, LEFT, RIGHT = 880, 48, 20
HEAD, PANEL, GAP, FOOT = 84, 150, 52, 30
MOST_PODS = 12
GRID_PODS, GRID_HOURS = 4, 3
# Each policy with its line, and what it is called here. Told apart by their dashes too, for those who do not
# see the colours.
LINES = {
    "lag, KEDA's default of 10": ("lag10", "lag 10, KEDA's default"),
    "lag, 10,000 a pod": ("lag", "lag, 10,000 a pod"),
    "HPA on CPU, 70 %": ("cpu", "HPA on CPU, 70 %"),
    "desired workers, avg": ("ours", "desired workers"),
}
LETTER = 6.9
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #57606a }
  .title { font-size: 16px; font-weight: 600; fill: #1f2328 } .name { font-weight: 600; fill: #1f2328 }
  .paper { fill: #ffffff } .grid { stroke: #d0d7de; stroke-width: 1 }
  .load { fill: #57606a; opacity: 0.16 } .away { fill: #cf222e; opacity: 0.16 }
  .line { fill: none; stroke-width: 1.5; stroke-linejoin: round }
  .lag10 { stroke: #8250df; stroke-dasharray: 2 3 } .lag { stroke: #bc4c00; stroke-dasharray: 6 2 }
  .cpu { stroke: #1a7f37; stroke-dasharray: 9 3 2 3 } .ours { stroke: #0969da; stroke-width: 2.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .title, .name { fill: #f0f6fc } .paper { fill: #0d1117 } .grid { stroke: #3d444d }
    .load { fill: #9198a1 } .away { fill: #f85149 }
    .lag10 { stroke: #ab7df8 } .lag { stroke: #f0883e } .cpu { stroke: #3fb950 } .ours { stroke: #4493f8 }
  }
"""


def draw(
    played: Mapping[str, Mapping[str, Outcome]], title: str, away: Mapping[str, tuple[float, float]]
) -> str:
    """As SVG: a panel for each day, hours to the right, pods upwards; ``away``: when the API takes none."""
    height = HEAD + len(played) * (PANEL + GAP) - GAP + FOOT + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}" rx="6"/>',
        f'<text class="title" x="{LEFT}" y="26">{title}</text>',
        *_legend(),
    ]
    for number, (day, outcomes) in enumerate(played.items()):
        parts += _panel(day, outcomes, HEAD + number * (PANEL + GAP), away[day])
    hours = f'<text x="{_x(12):.1f}" y="{height - 8}" text-anchor="middle">hour of the day</text>'
    return "\n".join((*parts, hours, "</svg>")) + "\n"


def _legend() -> Iterator[str]:
    x = LEFT + 84.0
    yield f'<rect class="load" x="{LEFT}" y="42" width="26" height="12"/>'
    yield f'<text x="{LEFT + 34}" y="53">load</text>'
    for line, label in LINES.values():
        yield f'<polyline class="line {line}" points="{x:.0f},48 {x + 30:.0f},48"/>'
        yield f'<text x="{x + 36:.0f}" y="53">{label}</text>'
        x += 56 + LETTER * len(label)


def _panel(day: str, outcomes: Mapping[str, Outcome], top: int, away: tuple[float, float]) -> Iterator[str]:
    points = next(iter(outcomes.values())).points
    yield f'<text class="name" x="{LEFT}" y="{top - 8}">{day}</text>'
    for pods in range(0, MOST_PODS + 1, GRID_PODS):
        y = _y(pods, top)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{pods}</text>'
    for hour in range(0, 25, GRID_HOURS):
        yield f'<text x="{_x(hour):.1f}" y="{top + PANEL + 18}" text-anchor="middle">{hour}</text>'
    yield f'<polygon class="load" points="{_area(points, top)}"/>'
    since, until = (_x(hour) for hour in away)
    if until > since:
        yield (f'<rect class="away" x="{since:.1f}" y="{top}" width="{until - since:.1f}" height="{PANEL}"/>')
    for name, (line, _) in LINES.items():
        yield f'<polyline class="line {line}" points="{_steps(outcomes[name].points, top)}"/>'


def _area(points: Sequence[Point], top: int) -> str:
    most = max(each.records_per_second for each in points)
    curve = ((each.hour, MOST_PODS * each.records_per_second / most) for each in points)
    ends = ((points[0].hour, 0.0), *curve, (points[-1].hour, 0.0))
    return " ".join(f"{_x(hour):.1f},{_y(pods, top):.1f}" for hour, pods in ends)


def _steps(points: Sequence[Point], top: int) -> str:
    """Only the corners: a number of pods that stays is one line."""
    corners = [(points[0].hour, points[0].pods)]
    for one, other in pairwise(points):
        if one.pods != other.pods:
            corners += [(other.hour, one.pods), (other.hour, other.pods)]
    corners.append((points[-1].hour, points[-1].pods))
    return " ".join(f"{_x(hour):.1f},{_y(pods, top):.1f}" for hour, pods in corners)


def _x(hour: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * hour / 24


def _y(pods: float, top: int) -> float:
    return top + PANEL * (1 - pods / MOST_PODS)
