"""Snapshots of the pipeline's state: figures for metrics, whether it is ready, and why not.

They are built for each request and never kept, so they cost nothing while nobody asks. They never hold a
value from a record: only topics, offsets, the fixed words below and keyed hashes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from msgspec import Struct

if TYPE_CHECKING:
    from worker.core.model.partition import Partition

# The place of a record as its source writes it: a number, or text where that has more digits than JSON's
# readers take.
ShownPosition: TypeAlias = int | str

NO_PARTITIONS: Final = "no_partitions"
# Every kind of trouble with Kafka, as labels of a metric.
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
# The same for Kinesis and its lease table.
KINESIS_TROUBLES: Final = (
    "read",
    "permission",
    "stream_missing",
    "stream_replaced",
    "leases",
    NO_PARTITIONS,
)


class SourceTrouble(Struct, frozen=True):
    """A problem that keeps records or offsets from flowing, for as long as it lasts."""

    kind: str
    """One of ``TROUBLES``, or of ``KINESIS_TROUBLES``."""
    what: str
    seconds: float
    """How long it has lasted."""
    advice: str
    """What a person can do."""

    def __str__(self) -> str:
        """Format it as one sentence: what is wrong, for how long, what to do."""
        return f"{self.what} (for {self.seconds:.0f} s); {self.advice}"


class SourceStatus(Struct, frozen=True, kw_only=True):
    """The state of the source apart from its partitions."""

    system: Literal["kafka", "kinesis"] = "kafka"
    """What the records are read from."""
    troubles: tuple[SourceTrouble, ...] = ()
    """The longest-lasting first."""
    commit_delay_seconds: float = 0.0
    """Time since something settled could first not be committed; 0 with nothing to commit."""
    records_lost: int = 0
    """Deleted by the broker before they were read, and committed past, since the start."""
    leases_lost: int = 0
    """Leases of shards that ended without a hand-over, since the start."""
    handovers: int = 0
    """Leases that were handed over to another worker, since the start."""
    reads_throttled: int = 0
    """Reads that Kinesis refused because the shard was read too often or too fast, since the start."""


class PartitionGauges(Struct, frozen=True):
    """A partition that is ours, as its source knows it."""

    partition: Partition
    lag_records: int | None = None
    """Records from the first unsettled one to the end of the partition; None while unknown."""
    end_offset: ShownPosition | None = None
    """One past its last record, as of some seconds ago; None while unknown."""
    committed_offset: ShownPosition | None = None
    """What the group has committed, as of some seconds ago; None while nothing is, or it is unknown."""
    settled_offset: ShownPosition | None = None
    """What can be committed: the offset of the first unsettled record; None before the first record.

    Of Kinesis, where a checkpoint names what is done, the last settled record.
    """
    received_offset: ShownPosition | None = None
    """One past the last record received; None before the first. Of Kinesis, the last one received."""
    standing_seconds: float | None = None
    """How long it has brought nothing though its log grows; None while it is as it should be."""
    lost_records: int = 0
    """How many of its records the broker deleted before they were read, since it is ours."""
    behind_seconds: float | None = None
    """How far what was read is behind the newest record, as Kinesis says it; None while unknown."""

    @property
    def is_behind(self) -> bool:
        """Whether there are records that were not received, or not settled."""
        return bool(self.lag_records or self.behind_seconds)


class HoldStatus(Struct, frozen=True, kw_only=True):
    """Why nothing is sent, or why records are kept that can't be mapped, or not yet."""

    kind: str
    """The word of a ``HoldKind``."""
    reason: str
    """The API's error code, or the broker's message."""
    held_seconds: float
    probe: str
    """What finds out that it is over."""
    next_probe_seconds: float | None
    """In how many seconds it is probed next; None while a probe is under way, or waits for something else."""
    advice: str
    """What a person can do."""
    probe_waits_until: str | None = None
    """What a probe waits for, other than time; None while it waits only for time."""
    unconfirmed_seconds: float | None = None
    """For how long there was nothing to send, so that nobody knows whether the hold is over.

    None while it is known not to be over. The worker is not unready because of it.
    """


NotReadyCause: TypeAlias = Literal[
    "starting",
    "draining",
    "hold",
    "credentials",
    "kafka",
    "kinesis",
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
    "nothing",
    "linger",
    "quota",
    "place",
    "in_flight",
    "retry",
    "hold",
    "dead_letter",
    "schema",
    "memory",
    "kafka",
    "kinesis",
]


class WaitsFor(Struct, frozen=True, omit_defaults=True):
    """What keeps a record, or a session, from being settled."""

    cause: Cause
    """One of these words.

    - ``nothing``: there is no such record.
    - ``linger``: other events of its session may come.
    - ``quota``: its call may not go yet.
    - ``place``: the maximum number of batches is in flight.
    - ``in_flight``: its call is in flight.
    - ``retry``: its call failed in a way that may pass.
    - ``hold``: nothing is sent.
    - ``dead_letter``: it is being written as a dead letter.
    - ``schema``: the schema registry is asked for its schema.
    - ``memory``: too much is unsettled, so nothing is received.
    - ``kafka``: the broker has not sent it.
    - ``kinesis``: its shard has not been read that far.
    """
    seconds: float | None = None
    """How long it has waited, or None where that is unknown."""
    calls: int | None = None
    """How many calls have failed; only for ``retry``."""
    code: str | None = None
    """The error code of the last failure, or the kind of the hold."""


class KeysStatus(Struct, frozen=True, kw_only=True):
    """The keys that calls are signed with."""

    are_there: bool
    end_in_seconds: float | None
    """Negative: they have expired; None: there are none, they never expire, or it is unknown."""
    failures: int
    """How often they could not be loaded or renewed, since the start."""
    failing_seconds: float | None
    """For how long loading has failed; None while it works."""
    code: str
    """Why it fails, in a word; empty while it works."""
    from_environment: bool = False
    """Whether they come from the process's own environment."""


class PermitsSnapshot(Struct, frozen=True, kw_only=True):
    """How calls are admitted, at one moment."""

    is_held: bool
    """Whether only probes go."""
    rate_calls_per_second: float
    """The highest rate at which calls may go while nothing is held."""
    borrowed_calls_per_second: float
    """The part of that above this pod's share."""
    share_ratio: float
    """This pod's share of the quota, 0 to 1."""
    in_flight: int
    failed_ratio: float
    """The part of the last minute's calls that failed."""
    throttled_ratio: float
    throttled_seconds: float | None
    """For how long the API has let less through than this pod's share; None while it does not."""
    accepted_at: float | None
    """When the last call was accepted, by the loop's clock; None before the first."""


class PipelineSnapshot(Struct, frozen=True, kw_only=True):
    """What is under way, at one moment."""

    paused: bool
    """Whether receiving is paused, because too much is unsettled."""
    draining: bool
    drains_until: float
    """When the drain ends, finished or not, by the loop's clock; ``inf`` before a stop is requested."""
    batches: int
    """Batches in flight, including those that wait to be tried again."""
    is_full: bool
    """Whether no batch can be sealed, because too many are in flight."""
    retried: int
    """Sessions to be tried again after their last call failed, including those that wait for their turn."""


class UnsettledSnapshot(Struct, frozen=True, kw_only=True):
    """What is held in memory, at one moment."""

    records: int
    elements: int
    """The events that they still hold: of a record that holds several, those that are not settled."""
    bytes: int
    oldest_age_seconds: float
    """Time since the oldest was received; 0 with none."""
    oldest_record_age_seconds: float
    """How old the oldest is by its own timestamp; 0 with none."""
    accepted_uncommitted_records: int
    """Settled, but not committed: what a crash right now would repeat."""
