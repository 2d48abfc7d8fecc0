"""Decides which calls get a span: by the flags of the records in it, as far as they have any.

A call has up to ten records and so up to ten traces, of which none is its parent. The specification's
parent-based samplers ask the parent; here, one sampled record is enough. So a trace that its producer sampled
is never cut short. The SDK would decide the same, but only after the links were made, which cost most.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.tracing.trace_context import TraceContext


class Sampling(Struct, frozen=True):
    """Which calls get a span."""

    follows_records: bool
    """Whether the flags in the records' ``traceparent`` decide, where there are any."""
    ratio: float
    """The part of the other calls that do, 0 to 1."""

    def takes(self, made: Iterable[TraceContext]) -> bool:
        """Decide about a call whose records were made in these traces."""
        if self.follows_records and made:
            return any(each.is_sampled for each in made)
        return self.ratio >= 1 or random.random() < self.ratio  # noqa: S311  nobody gains by guessing it
