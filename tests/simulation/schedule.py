"""A schedule: what happens to a group of workers, and when. Data and nothing else.

Every step has an id, given when the schedule was made. What a step brings about is named after it (events,
members), so a schedule from which steps were taken out still names the rest as before.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

Slot: TypeAlias = Literal["A", "B", "C"]
SLOTS: tuple[Slot, ...] = ("A", "B", "C")

Kind: TypeAlias = Literal["good", "poison", "undecodable", "skip"]
Weather: TypeAlias = Literal[
    "fine", "flaky", "throttled", "down", "answers lost", "late", "slow", "refusing", "denied",
    "bad sessions", "gateway",
]  # fmt: skip
Letters: TypeAlias = Literal["fine", "broken", "slow", "acknowledgements lost"]
Answers: TypeAlias = Literal["fine", "away", "login refused", "flaky", "slow"]
Kafka: TypeAlias = Literal["fine", "commits fail", "commits slow", "acknowledgements lost", "no metadata"]


UNREGISTERED: Final = 404
"""The id of a schema that no registry has."""


class MemberSettings(Struct, frozen=True):
    """What one worker is configured with; the defaults are what shrinking tries."""

    requests_per_second: float = 1000
    max_in_flight: int = 64
    linger_seconds: float = 0.2
    max_events: int = 10
    hold_after_refusals: int = 20
    hold_after_unmappable: int | None = 100
    max_unsettled_records: int = 100_000
    max_unsettled_bytes: int = 1 << 27
    drain_seconds: float = 8
    revoke_seconds: float = 3.0
    commit_seconds: float = 1.0
    max_wait_seconds: float = 20.0
    max_age_seconds: float | None = None
    when_too_old: Literal["dead_letter", "skip"] = "dead_letter"
    order: Literal["oldest_first", "freshest_first"] = "oldest_first"


class Event(Struct, frozen=True):
    """A record to produce."""

    partition: int
    session: str
    user: str = "u"
    """``-``: anonymous."""
    kind: Kind = "good"
    gap: int = 0
    """So many offsets are left out before it, as compaction does."""
    schema: int = 0
    """The id that the record names, which is bare JSON without one."""
    elements: tuple[Event, ...] = ()
    """The events that it holds, if it holds several; the partition is the record's."""


class Step(Struct, frozen=True, kw_only=True):
    """Something that happens at a time, in seconds from the start."""

    id: int
    at: float


class Produce(Step, frozen=True, kw_only=True):
    """Records arrive."""

    events: tuple[Event, ...]


class Api(Step, frozen=True, kw_only=True):
    """What PutEvents answers from now on."""

    weather: Weather


class Credentials(Step, frozen=True, kw_only=True):
    """They expire, or are there again."""

    expired: bool


class DeadLetters(Step, frozen=True, kw_only=True):
    """How the dead-letter topic is from now on."""

    state: Letters


class Registry(Step, frozen=True, kw_only=True):
    """What the schema registry answers from now on."""

    state: Answers


class Brokers(Step, frozen=True, kw_only=True):
    """How Kafka is from now on."""

    state: Kafka


class Move(Step, frozen=True, kw_only=True):
    """The group asks for partitions back, and then gives them to somebody (or to the same one again)."""

    partitions: tuple[int, ...]
    to: Slot


class Lose(Step, frozen=True, kw_only=True):
    """The group gives a partition away without asking."""

    partition: int
    to: Slot
    hears_after: float | None
    """Seconds until the old owner hears of it; None: not before all faults end."""
    as_revoke: bool = False
    """It hears of it as if it were asked to give it back."""


class Rewind(Step, frozen=True, kw_only=True):
    """Whoever reads the partition goes back to the committed offset."""

    partition: int


class Recreate(Step, frozen=True, kw_only=True):
    """The topic is made anew: its offsets begin at 0, the committed one is gone."""


class Cut(Step, frozen=True, kw_only=True):
    """A partition loses the newer part of its log, as in an unclean election."""

    partition: int
    share_kept: float = 0.5
    heard_after: float = 0.0
    """Seconds until consumers hear of the election, and so of the cut."""


class Expire(Step, frozen=True, kw_only=True):
    """Retention takes the older half of a partition."""

    partition: int


class Crash(Step, frozen=True, kw_only=True):
    """kill -9."""

    slot: Slot
    turns: int = 0
    """So many turns of the event loop later than ``at``."""
    noticed_after: float = 0.5
    """Seconds until the group gives its partitions to others."""
    restart_after: float | None = 0.5
    """Seconds until another takes its slot; None: nobody."""


class Terminate(Step, frozen=True, kw_only=True):
    """SIGTERM."""

    slot: Slot
    turns: int = 0
    restart_after: float | None = 0.5


class Freeze(Step, frozen=True, kw_only=True):
    """SIGSTOP, and SIGCONT."""

    slot: Slot
    turns: int = 0
    seconds: float


class Join(Step, frozen=True, kw_only=True):
    """A member joins in an empty slot, and is given some partitions."""

    slot: Slot


class Renew(Step, frozen=True, kw_only=True):
    """A worker is to log in otherwise, for which it takes another consumer."""

    slot: Slot
    turns: int = 0


class Schedule(Struct, frozen=True, kw_only=True):
    """All of it."""

    seed: int
    """For the chances at the edges."""
    partitions: int
    members: tuple[MemberSettings, MemberSettings, MemberSettings]
    """Of each slot."""
    at_start: int
    """So many slots have a member from the start."""
    steps: tuple[Step, ...]
    registry_lag_seconds: float = 0.0
    """So long after the first record with a schema the registry does not know it yet."""
