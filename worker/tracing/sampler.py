"""Decides which calls get a span: by the flags of the records in it, as far as they have any.

A call has up to ten records and so up to ten traces, of which none is its parent. The specification's
parent-based samplers ask the parent; here, one sampled record is enough. So a trace that its producer sampled
is never cut short, and one that nobody sampled costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

    from worker.tracing.environment import Sampling


class RecordsSampler(Sampler):
    """Follows the links, and samples a ratio of the calls that have none.

    Args:
        sampling: what the environment asks for.
    """

    def __init__(self, sampling: Sampling) -> None:
        self.follows_records = sampling.follows_records
        self._ratio = sampling.ratio
        self._otherwise = _by_ratio(sampling.ratio)

    def should_sample(  # noqa: PLR0913, PLR0917  the SDK's interface
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes | None = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide about one call."""
        if self.follows_records and links:
            sampled = any(link.context.trace_flags.sampled for link in links)
            return SamplingResult(Decision.RECORD_AND_SAMPLE if sampled else Decision.DROP, attributes)
        return self._otherwise.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """Name it, for people."""
        return f"RecordsSampler(follows_records={self.follows_records}, ratio={self._ratio})"


def _by_ratio(ratio: float) -> Sampler:
    if ratio >= 1:
        return ALWAYS_ON
    return TraceIdRatioBased(ratio) if ratio > 0 else ALWAYS_OFF
