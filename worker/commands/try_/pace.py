"""Plays events through the worker's own session queues, to learn how many calls they would take, and when.

The clock is that of the records' timestamps, and a call is answered at once. So this is what the batching
makes of the traffic while there is quota to spare; when it is short, calls fill up, and there are fewer.
"""

from __future__ import annotations

from collections import Counter
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from worker.core.batching.session_queues import SessionQueues
from worker.core.model.partition import Partition
from worker.core.model.records import Interaction, Record
from worker.core.offsets.assignment import Assignment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MINUTE_SECONDS: Final = 60


class Arrival(NamedTuple):
    """An event, when its record came, in epoch seconds."""

    at: float
    session_id: str
    user_id: str | None


class Pace(Struct, frozen=True):
    """Calls over the time that all partitions of the sample cover."""

    calls: int
    begin: float
    end: float
    """In epoch seconds."""
    mean: float | None
    """Calls a second; None if the time is too short to say."""
    busiest: float | None
    """Calls a second in the busiest minute."""
    busiest_at: float | None
    """When that minute began."""


def call_times(arrivals: Iterable[Arrival], linger_seconds: float, max_events: int) -> list[float]:
    """Return when the calls would go, in order."""
    queues, under = SessionQueues(linger_seconds, max_events), Assignment(Partition("", 0), 0)
    times: list[float] = []
    for arrival in sorted(arrivals, key=lambda each: each.at):
        times.extend(_due(queues, arrival.at))
        record = Record(under, 0, None, None, None, (), arrival.at)
        queues.add(Interaction(record, arrival.session_id, arrival.user_id, b""), arrival.at)
    times.extend(_due(queues, inf))
    return times


def _due(queues: SessionQueues, now: float) -> Iterator[float]:
    while (due_at := queues.next_due_at()) is not None and due_at <= now:
        batch = queues.seal(due_at)
        if batch is None:
            return
        queues.release(batch.session_id, due_at)
        yield due_at


def pace_of(times: Sequence[float], begin: float, end: float) -> Pace:
    """Return the pace of the calls from ``begin`` to ``end``, in epoch seconds."""
    # A call goes up to a linger after the last record came.
    within = [at for at in times if at >= begin]
    seconds = max(end, max(within, default=end)) - begin
    if not within or seconds < 1:
        return Pace(len(within), begin, end, None, None, None)
    mean = len(within) / seconds
    if seconds < _MINUTE_SECONDS:
        return Pace(len(within), begin, end, mean, mean, begin)
    minute, calls = max(
        Counter(int(at // _MINUTE_SECONDS) for at in within).items(), key=lambda each: each[1]
    )
    return Pace(len(within), begin, end, mean, calls / _MINUTE_SECONDS, float(minute * _MINUTE_SECONDS))
