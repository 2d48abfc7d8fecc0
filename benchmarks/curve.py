"""The curve of a long run: its numbers as CSV, its picture as SVG, dark on dark pages."""

from __future__ import annotations

import csv
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WIDTH, HEIGHT = 880, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 56, 56
STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 500)
MOST_LINES = 8
TWO_WORKERS = ", two workers"
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #57606a }
  .title { font-size: 16px; font-weight: 600; fill: #1f2328 }
  .paper { fill: #ffffff } .grid { stroke: #d0d7de; stroke-width: 1 }
  .two { fill: #0969da; opacity: 0.10 }
  .curve { fill: none; stroke: #0969da; stroke-width: 1.75; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .title { fill: #f0f6fc } .paper { fill: #0d1117 } .grid { stroke: #3d444d }
    .two { fill: #4493f8; opacity: 0.16 } .curve { stroke: #4493f8 }
  }
"""


class Sample(Struct, frozen=True):
    """The memory at one moment, and what was going on."""

    seconds: float
    resident_mb: float
    what: str


def write(samples: Sequence[Sample], file: Path) -> None:
    """As CSV."""
    with file.open("w", newline="", encoding="utf-8") as to:
        rows = csv.writer(to)
        rows.writerow(Sample.__struct_fields__)
        rows.writerows((each.seconds, each.resident_mb, each.what) for each in samples)


def draw(samples: Sequence[Sample], title: str) -> str:
    """As SVG: minutes to the right, MB upwards from 0, shaded while two workers share the partitions."""
    frame = _Frame(ceil(samples[-1].seconds / 60), max(each.resident_mb for each in samples))
    points = " ".join(f"{frame.x(each.seconds / 60):.1f},{frame.y(each.resident_mb):.1f}" for each in samples)
    parts = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        f'<text class="title" x="{LEFT}" y="26">{title}</text>',
        f'<text x="{LEFT}" y="45">MB; shaded: a second worker has half of the partitions</text>',
        *_shades(samples, frame),
        *frame.lines(),
        f'<polyline class="curve" points="{points}"/>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">minutes</text>',
        "</svg>",
    )
    return "\n".join(parts) + "\n"


class _Frame:
    """Where a figure stands on the paper."""

    def __init__(self, minutes: int, most: float) -> None:
        self._minutes = minutes
        self._step = _step(most)
        self._top = self._step * (int(most / self._step) + 1)

    def x(self, minutes: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * minutes / self._minutes

    def y(self, megabytes: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * megabytes / self._top

    def lines(self) -> Iterator[str]:
        """The grid, with its figures."""
        for megabytes in range(0, self._top + 1, self._step):
            y = self.y(megabytes)
            yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{megabytes}</text>'
        for minutes in range(0, self._minutes + 1, _step(self._minutes)):
            x, y = self.x(minutes), HEIGHT - BOTTOM + 20
            yield f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{minutes}</text>'


def _step(most: float) -> int:
    """The smallest round step that makes few enough lines."""
    return next(step for step in STEPS if most / step < MOST_LINES)


def _shades(samples: Sequence[Sample], frame: _Frame) -> Iterator[str]:
    height = HEIGHT - TOP - BOTTOM
    for one, other in pairwise(samples):
        if one.what.endswith(TWO_WORKERS):
            x, end = frame.x(one.seconds / 60), frame.x(other.seconds / 60)
            yield f'<rect class="two" x="{x:.1f}" y="{TOP}" width="{end - x:.2f}" height="{height}"/>'
