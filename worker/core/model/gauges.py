"""The worker's figures for a metrics scrape, read at the moment of the scrape and not stored."""

from __future__ import annotations

from msgspec import Struct

from worker.core.model.snapshot import HoldStatus, KeysStatus, NotReadyCause, PartitionGauges, SourceStatus
from worker.core.scaling.demand import Bound


class SendingGauges(Struct, frozen=True, kw_only=True):
    """The state of sending, and its bounds, at this moment."""

    not_accepted_seconds: float = 0.0
    """How long records have waited while no call was accepted; 0 while none wait."""
    sessions_retried: int = 0
    calls_failed_ratio: float = 0.0
    calls_throttled_ratio: float = 0.0
    throttled_seconds: float = 0.0
    draining: bool = False
    quota_calls_per_second: float = 0.0
    max_calls_in_flight: int = 0
    max_unsettled_records: int = 0
    max_unsettled_bytes: int = 0


class ScalingGauges(Struct, frozen=True, kw_only=True):
    """How many workers there should be, and what that is decided by. None: too little was seen yet."""

    desired_workers: int | None = None
    """Of the whole group, as this worker sees it."""
    bound: Bound = Bound.UNKNOWN
    records_waiting: float | None = None
    """Records of our partitions that were not settled, received or not."""
    arrival_records_per_second: float | None = None
    cpu_used_ratio: float | None = None
    """CPU that is used, of what one worker can use."""
    quota_used_ratio: float | None = None
    """Calls that go, of those that the rate limiter lets through."""


class Gauges(Struct, frozen=True, kw_only=True):
    """The state of the pipeline at this moment."""

    unsettled_records: int
    unsettled_elements: int = 0
    """The events that they still hold; at least as many as there are records."""
    unsettled_bytes: int
    oldest_unsettled_age_seconds: float
    """Since the oldest unsettled record was received; 0 with none."""
    oldest_unsettled_record_age_seconds: float = 0.0
    """How old the oldest unsettled record is by its own timestamp; 0 with none."""
    rate_limit_calls_per_second: float
    """Calls that may go right now: this pod's share and what it borrows, reduced by throttling.

    0 while held, except for probes.
    """
    rate_limit_borrowed_calls_per_second: float
    """The part of it above this pod's share, which others leave unused."""
    quota_share_ratio: float
    """This pod's share of the quota, 0 to 1."""
    calls_in_flight: int
    holds: tuple[HoldStatus, ...]
    """What stops sending, or keeps records that can't be mapped, or not yet; empty while everything works."""
    parked_records: int = 0
    """Of the unsettled records, those whose partition waits for a schema."""
    paused: bool
    """Whether receiving is paused, because too much is unsettled."""
    accepted_uncommitted_records: int
    """Settled, but not committed: what a crash right now would repeat."""
    partitions: tuple[PartitionGauges, ...]
    clock_ahead_seconds: float | None = None
    """How far our clock is ahead of the API's, to about a second; None before the first answer."""
    not_ready: frozenset[NotReadyCause] = frozenset()
    """What keeps the worker from being ready."""
    sending: SendingGauges = SendingGauges()
    keys: KeysStatus | None = None
    """The keys that calls are signed with; None while unknown."""
    loop_lag_seconds: float = 0.0
    """The longest delay of the event loop in the last minute."""
    source: SourceStatus = SourceStatus()
    scaling: ScalingGauges = ScalingGauges()
