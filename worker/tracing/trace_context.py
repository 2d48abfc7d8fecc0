"""Reads the W3C trace context that a producer left in a record's headers; it never raises.

Of ``traceparent`` (https://www.w3.org/TR/trace-context/, level 1) only numbers are taken. ``tracestate`` and
``baggage`` are not read, because anybody may put anything into them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from worker.core.model.records import Headers

HEADER: Final = "traceparent"

# Later versions may append fields; ff is no version.
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL
)
_VERSION_0: Final = b"00"
_LONGEST: Final = 512


class TraceContext(NamedTuple):
    """Where a record was made: the ids are never 0."""

    trace_id: int
    span_id: int
    is_sampled: bool


def trace_context(headers: Headers) -> TraceContext | None:
    """Return the trace context of a record; None if it has none, or one that is not valid."""
    found = None
    for name, value in headers:
        # Of several, the last one is from whoever sent it last.
        if name == HEADER:
            found = value
    if found is None or len(found) > _LONGEST:
        return None
    match = _TRACEPARENT.fullmatch(found)
    if match is None or (match[4] is not None and found.startswith(_VERSION_0)):
        return None
    trace_id, span_id = int(match[1], 16), int(match[2], 16)
    return TraceContext(trace_id, span_id, bool(int(match[3], 16) & 1)) if trace_id and span_id else None
