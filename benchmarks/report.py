"""What is shown: tables, as good in a terminal as in Markdown, and the machine they were measured on."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

LIBRARIES = ("personalize-worker", "httptools", "boto3", "confluent-kafka", "msgspec", "uvloop")

VERDICTS = ("what", "figure", "bar", "kept")

Cell: TypeAlias = "str | float | int | None"


class Table(Struct, frozen=True):
    """One table: the first column names the row, the others are figures."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def render(table: Table) -> str:
    """Markdown, its columns aligned; figures stand to the right, with three digits that count."""
    texts = [table.columns, *(tuple(_text(cell) for cell in row) for row in table.rows)]
    widths = [max(3, *(len(row[column]) for row in texts)) for column in range(len(table.columns))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    head, *body = (_line(row, widths) for row in texts)
    lines = [f"## {table.title}", "", head, _line(rule, widths), *body]
    return "\n".join([*lines, *(f"\n{note}" for note in table.notes)]) + "\n"


def bar(what: str, figure: float, limit: float, *, at_least: bool) -> tuple[Cell, ...]:
    """A row that says whether a figure keeps its bar."""
    kept = figure >= limit if at_least else figure < limit
    return what, figure, f"{'≥' if at_least else '<'} {limit:g}", "yes" if kept else "NO"


def surroundings() -> str:
    """Where and when this was measured, and with what."""
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    cores = len(os.sched_getaffinity(0))
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{now} · {platform.machine()}, {cores} cores · {python} · {versions}\n"


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return cell
        case int():
            return f"{cell:,}"
    if abs(cell) >= 100:
        return f"{cell:,.0f}"
    return f"{cell:.1f}" if abs(cell) >= 10 else f"{cell:.2f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        text.ljust(width) if not column else text.rjust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    )
    return f"| {' | '.join((first, *others))} |"
