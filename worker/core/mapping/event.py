"""An event as it stands in a call's ``eventList``: the names, and the order, of the API's service model."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct


class MetricAttribution(Struct, frozen=True, rename="camel", gc=False):
    """Who brought the event about."""

    event_attribution_source: str


class Event(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """One valid event; what is None is left out."""

    event_id: str
    event_type: str
    sent_at: int
    """Epoch seconds."""
    item_id: str | None = None
    event_value: float | None = None
    properties: str | None = None
    """JSON text, so in the event it is text within text."""
    recommendation_id: str | None = None
    impression: list[str] | None = None
    metric_attribution: MetricAttribution | None = None


encode_event_into: Final = msgspec.json.Encoder().encode_into
