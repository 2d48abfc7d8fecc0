"""What the pipeline shows of itself when asked: numbers for a scrape, and whether it is ready.

Built anew for each question and never kept, so it costs nothing while nobody asks. Neither ever holds a value
from a record: topics and the fixed words below are all there is to label with.
"""

from __future__ import annotations

from msgspec import Struct


class PartitionGauges(Struct, frozen=True):
    """A partition that is ours."""

    topic: str
    partition: int
    lag_records: int | None = None
    """Records from the first unsettled one to the end of the partition; None while that can't be told."""


class Gauges(Struct, frozen=True, kw_only=True):
    """The pipeline at this moment."""

    unsettled_records: int
    unsettled_bytes: int
    oldest_unsettled_age_seconds: float
    """Since the oldest unsettled record was received; 0 with none."""
    gate_rate_calls_per_second: float
    """What the gate lets through at most right now: this pod's share, less what throttling took off."""
    gate_share_ratio: float
    """This pod's part of the quota, 0 to 1."""
    calls_in_flight: int
    holds: tuple[str, ...]
    """The kinds of ``gate.Hold`` that are on; empty while calls may go."""
    paused: bool
    """Receiving is paused, for too much is unsettled."""
    accepted_uncommitted_records: int
    """Settled, not yet committed: what a crash right now would repeat."""
    partitions: tuple[PartitionGauges, ...]


class Readiness(Struct, frozen=True):
    """Whether the worker does its work, and if not, why not: one sentence a reason, without user data."""

    ready: bool
    reasons: tuple[str, ...] = ()
