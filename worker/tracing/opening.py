"""Opens tracing with the SDK as the environment has it, and closes it within a bounded time."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from worker.blocking import run_blocking
from worker.tracing.environment import is_disabled, queue_size, sampling
from worker.tracing.exporting import BoundedProcessor, CountingExporter
from worker.tracing.put_events import TracedPutEvents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

    from worker.ports import PutEvents
    from worker.tracing.exporting import SpanMetrics

log = structlog.get_logger(__name__)

# What is left at the end is worth a moment, but not a pod that is killed for taking too long.
FLUSH_SECONDS: Final = 3.0
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Tracing:
    """The spans of one worker, from the first call to the last export.

    Args:
        metrics: counts what became of spans.
        environ: the environment of the process.
        version: the worker's.
    """

    def __init__(self, metrics: SpanMetrics, environ: Mapping[str, str], version: str) -> None:
        self._sampling = sampling(environ)
        # Which calls have a span is decided before there is one.
        self._provider = TracerProvider(ALWAYS_ON, _resource(version), shutdown_on_exit=False)
        self._is_disabled = is_disabled(environ)
        if not self._is_disabled:
            # Its endpoint is not logged: it may hold a login.
            exporter = CountingExporter(OTLPSpanExporter(), metrics)
            size = queue_size(environ)
            self._provider.add_span_processor(
                BoundedProcessor(
                    BatchSpanProcessor(exporter, max_queue_size=size), lambda: exporter.taken, size, metrics
                )
            )
        log.info(
            "tracing.disabled" if self._is_disabled else "tracing.enabled",
            follows_records=self._sampling.follows_records,
            ratio=self._sampling.ratio,
        )
        self._tracer = self._provider.get_tracer("personalize-worker", version)

    def around(self, put_events: PutEvents, endpoint_url: str, region: str, group: str) -> PutEvents:
        """Return what makes the same calls, each with a span."""
        if self._is_disabled:
            return put_events
        return TracedPutEvents(
            put_events,
            self._tracer,
            _attributes(endpoint_url, region, group),
            self._sampling,
        )

    async def close(self) -> None:
        """Export what is left, as far as that succeeds within ``FLUSH_SECONDS``."""
        try:
            await asyncio.wait_for(run_blocking(self._provider.shutdown), FLUSH_SECONDS)
        except TimeoutError:
            log.warning("tracing.flush_given_up", seconds=FLUSH_SECONDS)


def _resource(version: str) -> Resource:
    ours: dict[str, AttributeValue] = {
        "service.name": "personalize-worker",
        "service.version": version,
        # In Kubernetes, the pod.
        "service.instance.id": socket.gethostname(),
    }
    theirs = OTELResourceDetector().detect().attributes
    # What is passed to ``create`` would override the environment's.
    return Resource.create({key: value for key, value in ours.items() if key not in theirs})


def _attributes(endpoint_url: str, region: str, group: str) -> dict[str, AttributeValue]:
    address = urlsplit(endpoint_url)
    return {
        "server.address": address.hostname or "",
        "server.port": address.port or _DEFAULT_PORTS.get(address.scheme, 443),
        "cloud.region": region,
        "messaging.consumer.group.name": group,
    }
