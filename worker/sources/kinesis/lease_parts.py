"""What a lease keeper is made of, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from worker.sources.kinesis.held_leases import HeldLeases
from worker.sources.kinesis.lease_survey import LeaseSurvey
from worker.sources.kinesis.lease_taker import LeaseTaker
from worker.sources.kinesis.lease_writer import LeaseWriter
from worker.sources.kinesis.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.core.leases.lease import Sentinel
    from worker.core.leases.shards import Shard
    from worker.sources.kinesis.ports import LeaseTable, TableFault


class LeaseParts(Struct, frozen=True):
    """The parts of one worker's keeper, which share table, clock and trouble."""

    table: LeaseTable
    worker_id: str
    failover_seconds: float
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]
    trouble: Trouble
    held: HeldLeases
    writer: LeaseWriter
    survey: LeaseSurvey
    taker: LeaseTaker


def lease_parts(  # noqa: PLR0913  whom to ask, who asks, and the times
    table: LeaseTable,
    list_shards: Callable[[], Awaitable[tuple[Shard, ...] | TableFault]],
    *,
    worker_id: str,
    failover_seconds: float,
    start: Sentinel,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[object]],
    draw: Callable[[], float],
    epoch_seconds: Callable[[], float] | None = None,
) -> LeaseParts:
    """Put the parts together.

    A call to the table should end within a third of ``failover_seconds``, whether answered or not.

    Args:
        table: where the leases are.
        list_shards: lists all shards of the streams.
        worker_id: this worker's, ``kind/pod/random``: a new one for each process.
        failover_seconds: for so long a lease is valid after a good write.
        start: where to begin with shards of which nothing was ever read.
        clock: seconds, monotonic.
        sleep: waits so many seconds.
        draw: a number at random, from 0 to 1.
        epoch_seconds: the wall clock; see ``LeaseSurvey``.
    """
    trouble, held = Trouble("the lease table", clock), HeldLeases(worker_id, failover_seconds, clock)
    survey = LeaseSurvey(
        table,
        list_shards,
        start=start,
        failover_seconds=failover_seconds,
        clock=clock,
        trouble=trouble,
        epoch_seconds=epoch_seconds,
    )
    taker = LeaseTaker(
        table,
        survey,
        held,
        worker_id=worker_id,
        failover_seconds=failover_seconds,
        clock=clock,
        draw=draw,
        trouble=trouble,
    )
    writer = LeaseWriter(table, held, worker_id=worker_id, clock=clock, sleep=sleep, trouble=trouble)
    return LeaseParts(table, worker_id, failover_seconds, clock, sleep, trouble, held, writer, survey, taker)
