"""The document that ``/status`` answers with, and that ``personalize-worker status`` reads.

It never holds a value from a record: only topics, offsets, fixed words and keyed hashes.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from worker.core.model.snapshot import (  # noqa: TC001  msgspec reads the annotations
    HoldStatus,
    ShownPosition,
    WaitsFor,
)
from worker.core.scaling.demand import Bound  # noqa: TC001  as above


class PartitionStatus(Struct, frozen=True, kw_only=True):
    """A partition that is ours. An offset is None while unknown."""

    topic: str
    partition: int
    committed_offset: ShownPosition | None
    settled_offset: ShownPosition | None
    """Everything before this offset is settled: it can be committed. Of Kinesis, the last settled record."""
    received_offset: ShownPosition | None
    """One past the last record received. Of Kinesis, the last one received."""
    end_offset: ShownPosition | None
    lag_records: int | None
    behind_seconds: float | None = None
    """How far what was read is behind the newest record, as Kinesis says it."""
    lost_records: int = 0
    """Deleted by the broker before they were read, since the partition is ours."""
    unsettled_records: int
    oldest_seconds: float
    """Since the oldest unsettled record was received; 0 with none."""
    oldest_age_seconds: float | None = None
    """How old it is by its own timestamp; None where it has none, and with no such record."""
    waits_for: WaitsFor
    """What the oldest unsettled record waits for; with none, what the next one waits for."""


class SessionStatus(Struct, frozen=True, kw_only=True):
    """A session with events that wait."""

    hash: str
    """A hash of its id, keyed for this process: constant while the process runs, and useless elsewhere."""
    events: int
    oldest_seconds: float
    topic: str
    partition: int
    offset: ShownPosition
    """The offset of its oldest record."""
    waits_for: WaitsFor


class SendingStatus(Struct, frozen=True, kw_only=True):
    """What may be sent, and what is being sent."""

    quota_calls_per_second: float
    """As configured: ``personalize.requests_per_second``."""
    share_ratio: float
    rate_calls_per_second: float
    """The highest rate at which calls may go while nothing is held."""
    borrowed_calls_per_second: float
    """The part of that above this pod's share."""
    throttled_seconds: float | None
    """For how long the API has let less through than this pod's share; None while it does not."""
    in_flight: int
    max_in_flight: int
    batches: int
    """Batches in flight, including those that wait to be tried again."""
    retrying: int
    """Sessions to be tried again after their last call failed, including those that wait for their turn."""


class MemoryStatus(Struct, frozen=True, kw_only=True):
    """What is held in memory, and the bounds."""

    unsettled_records: int
    unsettled_elements: int = 0
    """The events that they still hold; at least as many as there are records."""
    max_unsettled_records: int
    unsettled_bytes: int
    max_unsettled_bytes: int
    paused: bool
    unmappable_records: int = 0
    """Of them, those that are kept because nothing of their topic can be mapped."""
    parked_records: int = 0
    """Of them, those whose partition waits for a schema."""


class ScalingStatus(Struct, frozen=True, kw_only=True):
    """How many workers there should be, as of the last time that the metrics were scraped."""

    desired_workers: int | None
    """Of the whole group, as this worker sees it; None while unknown."""
    bound: Bound
    """What decides it."""


class DoneStatus(Struct, frozen=True, kw_only=True):
    """What was done since the worker started."""

    delivered: int
    """Events that the API accepted; a repeated one counts again."""
    dead_lettered: dict[str, int]
    """By reason: records, or elements of records that hold several."""
    skipped: dict[str, int]
    """By rule: records, or elements of records that hold several."""


class WorkerStatus(Struct, frozen=True, kw_only=True):
    """The whole status: what there is, and what it waits for."""

    ready: bool
    reasons: tuple[str, ...]
    """What keeps it from being ready."""
    version: str
    up_seconds: float
    group: str
    source: Literal["kafka", "kinesis"] = "kafka"
    """What the records are read from."""
    draining: bool = False
    """Whether it was told to stop, and delivers what it holds."""
    warnings: tuple[str, ...] = ()
    """Other problems, while records are delivered all the same."""
    holds: tuple[HoldStatus, ...] = ()
    sending: SendingStatus | None = None
    """None while the worker is starting; the same applies to ``memory`` and ``scaling``."""
    memory: MemoryStatus | None = None
    scaling: ScalingStatus | None = None
    done: DoneStatus | None = None
    """None if nobody counts."""
    clock_ahead_seconds: float | None = None
    records_lost: int = 0
    """Deleted by the broker before they were read, and committed past, since the start."""
    lag_records: int | None = None
    """The sum over all partitions whose lag is known; None while no lag is, and of Kinesis."""
    behind_seconds: float | None = None
    """The most that a shard is behind, as Kinesis says it; None while unknown."""
    partitions_total: int = 0
    partitions: tuple[PartitionStatus, ...] = ()
    """The partitions that are furthest behind, the worst first."""
    sessions_total: int = 0
    sessions: tuple[SessionStatus, ...] = ()
    """The oldest of the sessions that are in flight or go next, the oldest first."""
