"""The exposition: the counters and the pipeline's gauges, in Prometheus' text format.

Everything is read at the moment of the scrape; nothing is kept up to date between scrapes.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from worker.telemetry.definition import PREFIX, Build, Definition, Scrape
from worker.telemetry.definitions import DEFINITIONS
from worker.telemetry.meter import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from worker.core.model.gauges import Gauges
    from worker.telemetry.meter import Counts


class Metrics(Collector):
    """All metrics of one worker, in their own registry.

    Args:
        counts: the counters.
        gauges: called at every scrape.
        build: the versions that are running.
    """

    def __init__(self, counts: Counts, gauges: Callable[[], Gauges], build: Build) -> None:
        self._counts = counts
        self._gauges = gauges
        self._build = build
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        # CPU, memory and file descriptors, under the names that every dashboard knows.
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def render(self) -> bytes:
        """Return the text that ``/metrics`` answers with (format 0.0.4)."""
        return generate_latest(self._registry)

    def describe(self) -> Iterator[Metric]:
        """Yield nothing, because the pipeline does not exist yet when this is called."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the table, including those without a series yet."""
        scrape = Scrape(self._counts, self._gauges(), self._build)
        for definition in DEFINITIONS:
            yield _family(definition, scrape)


def _family(definition: Definition, scrape: Scrape) -> Metric:
    name = PREFIX + definition.name
    read = definition.read(scrape)
    if isinstance(read, Histogram):
        histogram = HistogramMetricFamily(name, definition.meaning)
        histogram.add_metric([], [(_bound(le), count) for le, count in read.cumulative()], read.sum)
        return histogram
    kind = CounterMetricFamily if definition.kind == "counter" else GaugeMetricFamily
    family = kind(name, definition.meaning, labels=definition.labels)
    for labels, value in read:
        family.add_metric(labels, value)
    return family


def _bound(value: float) -> str:
    return "+Inf" if value == inf else str(float(value))
