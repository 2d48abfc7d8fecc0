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


class PermitsSnapshot(Struct, frozen=True, kw_only=True):
    """How calls are admitted, at one moment."""

    is_held: bool
    """Whether only probes go."""
    rate_calls_per_second: float
    """What may go at most, while nothing is held."""
    borrowed_calls_per_second: float
    """What of that is above this pod's share."""
    share_ratio: float
    """This pod's part of the quota, 0 to 1."""
    in_flight: int
    failed_ratio: float
    """Of the last minute's calls."""
    throttled_ratio: float
    throttled_seconds: float | None
    """For how long the API has let less through than this pod's share; None while it does not."""
    accepted_at: float | None
    """When the last call was accepted, by the loop's clock; None before the first."""


class PipelineSnapshot(Struct, frozen=True, kw_only=True):
    """What is under way, at one moment."""

    paused: bool
    """Receiving is paused, because too much is unsettled."""
    draining: bool
    drains_until: float
    """When the drain ends, done or not, by the loop's clock; ``inf`` before it is told to stop."""
    batches: int
    """Under way, those that wait to be tried again included."""
    is_full: bool
    """Whether no batch can be sealed, because too many are under way."""
    retried: int
    """Sessions whose last call failed, and which are tried again, those that wait for their turn included."""


class UnsettledSnapshot(Struct, frozen=True, kw_only=True):
    """What is held, at one moment."""

    records: int
    bytes: int
    oldest_age_seconds: float
    """Since the oldest was received; 0 with none."""
    oldest_record_age_seconds: float
    """How old the oldest is by its own timestamp; 0 with none."""
    accepted_uncommitted_records: int
    """Settled, not yet committed: what a crash right now would repeat."""
