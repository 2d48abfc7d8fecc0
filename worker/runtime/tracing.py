"""Wires tracing in if it is enabled. Otherwise OpenTelemetry is not imported, and calls pass nothing more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from worker.version import VERSION

if TYPE_CHECKING:
    from worker.delivery.put_events import PutEventsClient
    from worker.ports import PutEvents
    from worker.settings import Settings
    from worker.telemetry.meter import Counts
    from worker.tracing.opening import Tracing


def open_tracing(settings: Settings, counts: Counts) -> Tracing | None:
    """Open tracing; None if it is off. Nothing is connected yet."""
    if not settings.tracing.enabled:
        return None
    from worker.tracing.opening import Tracing  # noqa: PLC0415  an extra that may not be installed

    return Tracing(counts, os.environ, VERSION)


def traced(tracing: Tracing, client: PutEventsClient, settings: Settings) -> PutEvents:
    """Return what makes the client's calls, each with a span; the client is open."""
    endpoint = client.endpoint
    return tracing.around(client, endpoint.endpoint_url, endpoint.region, settings.group)
