"""Schedules: what happens to the workers, the table and the stream, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from worker.core.leases.lease import Sentinel


class Start(Struct, frozen=True, tag=True):
    """A worker starts."""

    at: float
    worker: int


class Crash(Struct, frozen=True, tag=True):
    """It is killed."""

    at: float
    worker: int


class Terminate(Struct, frozen=True, tag=True):
    """It gets a SIGTERM."""

    at: float
    worker: int


class Freeze(Struct, frozen=True, tag=True):
    """It gets a SIGSTOP, and a SIGCONT later."""

    at: float
    worker: int
    seconds: float


class ClockJump(Struct, frozen=True, tag=True):
    """Its wall clock is set."""

    at: float
    worker: int
    by: float


class TableFaults(Struct, frozen=True, tag=True):
    """The table is away, loses answers, is slow, or throttles, for one worker or for all."""

    at: float
    seconds: float
    kind: str
    worker: int | None = None


class ListFaults(Struct, frozen=True, tag=True):
    """Shards cannot be listed."""

    at: float
    seconds: float


class Split(Struct, frozen=True, tag=True):
    """A shard is split."""

    at: float
    pick: float


class Merge(Struct, frozen=True, tag=True):
    """Two shards that lie side by side are merged."""

    at: float
    pick: float


class Trim(Struct, frozen=True, tag=True):
    """Closed shards that are done leave the stream's list."""

    at: float


class DeleteRow(Struct, frozen=True, tag=True):
    """Somebody deletes a row of the table."""

    at: float
    pick: float


class Foreign(Struct, frozen=True, tag=True):
    """A worker of another kind comes, takes its share by stealing, and is gone later."""

    at: float
    seconds: float


Step: TypeAlias = (
    Start
    | Crash
    | Terminate
    | Freeze
    | ClockJump
    | TableFaults
    | ListFaults
    | Split
    | Merge
    | Trim
    | DeleteRow
    | Foreign
)


class Member(Struct, frozen=True):
    """How a worker is."""

    offset: float
    """What its clock says at the beginning."""
    settle_seconds: float
    """How long a record takes."""
    is_stubborn: bool = False
    """It never hands over in time."""


class Schedule(Struct, frozen=True):
    """All that happens."""

    seed: int
    start: Sentinel
    shards: int
    members: tuple[Member, ...]
    steps: tuple[Step, ...]
    faults_seconds: float = 400.0
