"""Wires tracing in if it is enabled. Otherwise OpenTelemetry is not imported, and calls pass nothing more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from worker.version import VERSION

if TYPE_CHECKING:
    from worker.delivery.put_events import PutEventsClient
    from worker.ports import PutEvents
    from worker.settings import Settings
    from worker.tracing.exporting import SpanMetrics
    from worker.tracing.opening import Tracing


def open_tracing(settings: Settings, metrics: SpanMetrics) -> Tracing | None:
    """Open tracing; None if it is off. Nothing is connected yet."""
    if not settings.tracing.enabled:
        return None
    from worker.tracing.opening import Tracing  # noqa: PLC0415  an extra that may not be installed

    return Tracing(metrics, os.environ, VERSION)


def traced(tracing: Tracing | None, client: PutEventsClient, group: str) -> PutEvents:
    """Return what makes the client's calls for this group, each with a span if there is tracing.

    The client is open.
    """
    if tracing is None:
        return client
    endpoint = client.endpoint
    return tracing.around(client, endpoint.endpoint_url, endpoint.region, group)
