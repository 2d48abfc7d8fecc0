"""What the pipeline shows of itself when asked: numbers for a scrape, whether it is ready, and why not.

Built anew for each question and never kept, so it costs nothing while nobody asks. None of it ever holds a
value from a record: topics, offsets, the fixed words below and keyed hashes are all there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from msgspec import Struct

if TYPE_CHECKING:
    from worker.core.model.partition import Partition

NO_PARTITIONS: Final = "no_partitions"
# Every kind of trouble with the source, as a metric has it.
TROUBLES: Final = (
    "broker",
    "silent_broker",
    "login",
    "group",
    NO_PARTITIONS,
    "topic_missing",
    "topic_forbidden",
    "offset_reset",
    "fetch",
    "commit",
    "standstill",
)


class SourceTrouble(Struct, frozen=True):
    """Something that keeps records or offsets from flowing, for as long as it does."""

    kind: str
    """Of ``TROUBLES``."""
    what: str
    seconds: float
    """For how long it has been so."""
    advice: str
    """What a person can do."""

    def __str__(self) -> str:
        """One sentence: what, for how long, what to do."""
        return f"{self.what} (for {self.seconds:.0f} s); {self.advice}"


class SourceStatus(Struct, frozen=True, kw_only=True):
    """What the source says of itself beside its partitions."""

    troubles: tuple[SourceTrouble, ...] = ()
    """The ones that last longest first."""
    commit_delay_seconds: float = 0.0
    """Since something that is done with could first not be committed; 0 with nothing to commit."""
    records_lost: int = 0
    """Deleted by the broker before they were read, and committed past, since the start."""


class PartitionGauges(Struct, frozen=True):
    """A partition that is ours, as its source knows it."""

    partition: Partition
    lag_records: int | None = None
    """Records from the first unsettled one to the end of the partition; None while that can't be told."""
    end_offset: int | None = None
    """One past its last record, as of some seconds ago; None while that can't be told."""
    committed_offset: int | None = None
    """What the group has committed, as of some seconds ago; None while nothing is, or it can't be told."""
    settled_offset: int | None = None
    """What can be committed: where the first record stands that is not settled; None before the first."""
    received_offset: int | None = None
    """One past the last record received; None before the first."""
    standing_seconds: float | None = None
    """For how long it has brought nothing though its log goes on; None while it is as it should be."""
    lost_records: int = 0
    """How many of its records the broker deleted before they were read, since it is ours."""


class HoldStatus(Struct, frozen=True, kw_only=True):
    """Why nothing is sent, or, of records that cannot be mapped, why they are kept."""

    kind: str
    """A ``HoldKind``'s word."""
    reason: str
    """The API's error code, or what the broker says."""
    held_seconds: float
    probe: str
    """What finds out that it is over."""
    next_probe_seconds: float | None
    """In how many seconds that is tried again; None while it is being tried, or waits for something else."""
    advice: str
    """What a person can do."""
    probe_waits_until: str | None = None
    """What has to be so before it is tried again, but for time; None while only time is waited for."""
    unconfirmed_seconds: float | None = None
    """For how long there was nothing to send, so that nobody knows whether it is over; None while it is known
    that it is not. The worker is not unready for it."""


class SendingGauges(Struct, frozen=True, kw_only=True):
    """How sending goes, and its bounds, at this moment."""

    not_accepted_seconds: float = 0.0
    """For how long records have waited while no call was accepted; 0 while none wait."""
    sessions_retried: int = 0
    calls_failed_ratio: float = 0.0
    calls_throttled_ratio: float = 0.0
    throttled_seconds: float = 0.0
    draining: bool = False
    quota_calls_per_second: float = 0.0
    max_calls_in_flight: int = 0
    max_unsettled_records: int = 0
    max_unsettled_bytes: int = 0


class Gauges(Struct, frozen=True, kw_only=True):
    """The pipeline at this moment."""

    unsettled_records: int
    unsettled_bytes: int
    oldest_unsettled_age_seconds: float
    """Since the oldest unsettled record was received; 0 with none."""
    oldest_unsettled_record_age_seconds: float = 0.0
    """How old the oldest unsettled record is by its own timestamp; 0 with none."""
    rate_limit_calls_per_second: float
    """So many calls may go right now: this pod's share, what it borrows, less what throttling took off;
    0 while held, except for probes."""
    rate_limit_borrowed_calls_per_second: float
    """What of it is above this pod's share, for others leave it."""
    quota_share_ratio: float
    """This pod's part of the quota, 0 to 1."""
    calls_in_flight: int
    holds: tuple[HoldStatus, ...]
    """What stops sending, or keeps records that cannot be mapped; empty while all goes on."""
    paused: bool
    """Receiving is paused, for too much is unsettled."""
    accepted_uncommitted_records: int
    """Settled, not yet committed: what a crash right now would repeat."""
    partitions: tuple[PartitionGauges, ...]
    clock_ahead_seconds: float | None = None
    """How far our clock is ahead of the API's, to about a second; None before the first answer."""
    not_ready: frozenset[NotReadyCause] = frozenset()
    """What keeps the worker from being ready."""
    sending: SendingGauges = SendingGauges()
    keys: KeysStatus | None = None
    """What calls are signed with; None while nobody can tell."""
    loop_lag_seconds: float = 0.0
    """How late the loop was at most in the last minute."""
    source: SourceStatus = SourceStatus()


NotReadyCause: TypeAlias = Literal[
    "starting",
    "draining",
    "hold",
    "credentials",
    "kafka",
    "no_partitions",
    "no_share",
    "calls_failing",
    "throttled",
    "clock",
]
NOT_READY_CAUSES: Final[tuple[NotReadyCause, ...]] = get_args(NotReadyCause)


class NotReady(Struct, frozen=True):
    """Why records are not being delivered: a word for alerts, and a sentence without user data."""

    cause: NotReadyCause
    says: str


class Readiness(Struct, frozen=True):
    """Whether the worker does its work, and if not, why not: one sentence a reason, without user data."""

    ready: bool
    reasons: tuple[str, ...] = ()


Cause: TypeAlias = Literal[
    "nothing", "linger", "quota", "place", "in_flight", "retry", "hold", "dead_letter", "memory", "kafka"
]


class WaitsFor(Struct, frozen=True, omit_defaults=True):
    """What keeps a record, or a session, from being done with."""

    cause: Cause
    """``nothing``: there is none. ``linger``: others of its session may come. ``quota``: its call may not go
    yet. ``place``: as many batches are under way as may be. ``in_flight``: its call is. ``retry``: its call
    failed in a way that may pass. ``hold``: nothing is sent. ``dead_letter``: it is being written.
    ``memory``: too much is unsettled, so nothing is received. ``kafka``: the broker has not sent it."""
    seconds: float | None = None
    """For how long, or None where that is not known."""
    calls: int | None = None
    """How many calls have failed; of ``retry`` only."""
    code: str | None = None
    """The last failure's error code, or the kind of the hold."""


class PartitionStatus(Struct, frozen=True, kw_only=True):
    """A partition that is ours. An offset is None while it can't be told."""

    topic: str
    partition: int
    committed_offset: int | None
    settled_offset: int | None
    """Up to here everything is done with: what can be committed."""
    received_offset: int | None
    """One past the last record received."""
    end_offset: int | None
    lag_records: int | None
    lost_records: int = 0
    """Deleted by the broker before they were read, since the partition is ours."""
    unsettled_records: int
    oldest_seconds: float
    """Since the oldest unsettled record was received; 0 with none."""
    oldest_age_seconds: float | None = None
    """How old it is by its own timestamp; None where it has none, and with no such record."""
    waits_for: WaitsFor
    """Of the oldest unsettled record; with none, of the next."""


class SessionStatus(Struct, frozen=True, kw_only=True):
    """A session with events that wait."""

    hash: str
    """Of its id, with a key of this process: the same for as long as it runs, and of no use elsewhere."""
    events: int
    oldest_seconds: float
    topic: str
    partition: int
    offset: int
    """Of its oldest record."""
    waits_for: WaitsFor


class KeysStatus(Struct, frozen=True, kw_only=True):
    """The keys that calls are signed with."""

    are_there: bool
    end_in_seconds: float | None
    """Negative: they have ended; None: there are none, they never end, or nobody knows when."""
    failures: int
    """How often they could not be loaded or renewed, since the start."""
    failing_seconds: float | None
    """For how long they can't be; None while they can."""
    code: str
    """Why not, in a word; empty while they can."""
    from_environment: bool = False
    """Whether they are the process's own environment's."""


class SendingStatus(Struct, frozen=True, kw_only=True):
    """What may be sent, and what is."""

    quota_calls_per_second: float
    """As configured: ``personalize.requests_per_second``."""
    share_ratio: float
    rate_calls_per_second: float
    """What may go at most, while nothing is held."""
    borrowed_calls_per_second: float
    """What of that is above this pod's share."""
    throttled_seconds: float | None
    """For how long the API has let less through than this pod's share; None while it does not."""
    in_flight: int
    max_in_flight: int
    batches: int
    """Under way, those that wait to be tried again included."""
    retrying: int
    """Sessions whose last call failed, and which are tried again, those that wait for their turn included."""


class MemoryStatus(Struct, frozen=True, kw_only=True):
    """What is held, and the bounds."""

    unsettled_records: int
    max_unsettled_records: int
    unsettled_bytes: int
    max_unsettled_bytes: int
    paused: bool


class DoneStatus(Struct, frozen=True, kw_only=True):
    """What was done with since the worker started."""

    delivered: int
    """Events that the API accepted; a repeated one counts again."""
    dead_lettered: dict[str, int]
    """Records by reason."""
    skipped: dict[str, int]
    """Records by rule."""


class WorkerStatus(Struct, frozen=True, kw_only=True):
    """Why everything is where it is."""

    ready: bool
    reasons: tuple[str, ...]
    """What keeps it from being ready."""
    version: str
    up_seconds: float
    group: str
    warnings: tuple[str, ...] = ()
    """What is wrong besides, while records are delivered all the same."""
    holds: tuple[HoldStatus, ...] = ()
    sending: SendingStatus | None = None
    """None while the worker is starting; so is ``memory``."""
    memory: MemoryStatus | None = None
    done: DoneStatus | None = None
    """None where nobody counts."""
    clock_ahead_seconds: float | None = None
    records_lost: int = 0
    """Deleted by the broker before they were read, and committed past, since the start."""
    partitions_total: int = 0
    partitions: tuple[PartitionStatus, ...] = ()
    """Those that are furthest behind, the worst first."""
    sessions_total: int = 0
    sessions: tuple[SessionStatus, ...] = ()
    """The oldest of those that are under way or go next, the oldest first."""
