"""A schedule: what happens to workers, stream and table, and when. Data and nothing else."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from tests.simulation.schedule import Kind, Letters, MemberSettings, Step, Weather

Slot: TypeAlias = Literal["A", "B", "C", "D"]
SLOTS: tuple[Slot, ...] = ("A", "B", "C", "D")
Start: TypeAlias = Literal["TRIM_HORIZON", "LATEST"]
StreamState: TypeAlias = Literal["fine", "throttled", "empty", "expiring", "away", "slow", "answers lost"]
TableState: TypeAlias = Literal["fine", "away", "throttled", "slow", "answers lost"]


class Member(Struct, frozen=True):
    """One worker: how it is configured, and how far its clocks are off."""

    settings: MemberSettings = MemberSettings()
    clock_offset: float = 0.0
    """What its monotonic clock says at the beginning."""
    wall_offset: float = 0.0
    """How far its wall clock is ahead."""


class Event(Struct, frozen=True):
    """A user's record."""

    session: int
    user: str = "u"
    kind: Kind = "good"


class Put(Struct, frozen=True):
    """A record of the stream: one of its producer's, or an aggregate of several."""

    key: str
    events: tuple[Event, ...]
    is_aggregate: bool = False


class Puts(Step, frozen=True, kw_only=True):
    """Records arrive."""

    records: tuple[Put, ...]


class Api(Step, frozen=True, kw_only=True):
    """What PutEvents answers from now on."""

    weather: Weather


class DeadLetters(Step, frozen=True, kw_only=True):
    """How the place for dead letters is from now on."""

    state: Letters


class StreamIs(Step, frozen=True, kw_only=True):
    """How the stream answers for a while."""

    state: StreamState
    seconds: float


class TableIs(Step, frozen=True, kw_only=True):
    """How the table answers for a while, to one worker or to all."""

    state: TableState
    seconds: float
    slot: Slot | None = None


class Split(Step, frozen=True, kw_only=True):
    """A shard is split, just after records came."""

    pick: float
    records: tuple[Put, ...] = ()


class Merge(Step, frozen=True, kw_only=True):
    """Two neighbours become one."""

    pick: float


class DeleteRow(Step, frozen=True, kw_only=True):
    """Somebody deletes a row of the table."""

    pick: float


class ExpireIterators(Step, frozen=True, kw_only=True):
    """All iterators that were given are too old."""


class Crash(Step, frozen=True, kw_only=True):
    """kill -9."""

    slot: Slot
    turns: int = 0
    restart_after: float | None = 0.5


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
    """A worker starts in an empty slot."""

    slot: Slot


class Schedule(Struct, frozen=True, kw_only=True):
    """All of it."""

    seed: int
    shards: int
    start: Start
    failover_seconds: float
    end_apart: bool
    """How the stream tells a shard's end."""
    reshard_seconds: float
    members: tuple[Member, Member, Member, Member]
    at_start: int
    steps: tuple[Step, ...]
