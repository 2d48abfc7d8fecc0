"""What a metric is: the text that explains it, and how its value is read during a scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.core.model.gauges import Gauges
    from worker.telemetry.meter import Counts, Histogram, Tally

PREFIX = "personalize_worker_"

Series: TypeAlias = "Iterator[tuple[tuple[str, ...], float]]"


def one(value: float) -> Series:
    """The series of a metric without labels."""
    yield (), value


def words(tally: Tally) -> Series:
    """The series of a metric with one label."""
    for word, count in tally.items():
        yield (word,), count


class Build(Struct, frozen=True):
    """The versions that are running."""

    version: str
    python: str
    librdkafka: str


class Scrape(Struct, frozen=True):
    """Everything that one scrape reads."""

    counts: Counts
    gauges: Gauges
    build: Build


class Definition(Struct, frozen=True):
    """One metric. ``read`` returns the histogram of a histogram, and the series of any other kind."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    action: str
    read: Callable[[Scrape], Series | Histogram]
    labels: tuple[str, ...] = ()
