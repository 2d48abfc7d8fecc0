"""What observations of some minutes amount to: rates, the backlog, and what is used of CPU and quota."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from worker.core.scaling.observation import Observation

# Long enough that a scrape each 30 s makes a rate, short enough that a peak shows within minutes.
WINDOW_SECONDS: Final = 120.0
LEAST_SECONDS: Final = 55.0
# A few hundredths are how the limit is found; see "The rate" in docs/rate-and-holds.md.
_CHANCE: Final = 0.005
# Above this the loop does not get the CPU that it wants: see the metric ``loop_lag_seconds``.
_STARVED_SECONDS: Final = 0.5
# How much faster than it is read a stream may be said to grow: a ratio with a small divisor is noise.
_LEAST_PROGRESS: Final = 0.1


class Load(Struct, frozen=True, kw_only=True):
    """The load of one worker, and its place in the group."""

    arrival_per_second: float
    """Records that come in."""
    settled_per_second: float
    """Records that were delivered, dead-lettered or skipped."""
    backlog_records: float
    """Records that wait, received or not."""
    cpu_ratio: float
    """CPU that is used, of what one worker can use; 1 also where the loop gets too little of it."""
    quota_ratio: float
    """Calls that go, of those that the rate limiter lets through."""
    in_flight_ratio: float
    """Calls in flight, of those that may be."""
    is_throttled: bool
    """Whether the API throttles more than by chance."""
    share_ratio: float
    """This worker's share of the partitions, above 0."""
    partitions: int
    """All partitions, whoever owns them."""


class Window:
    """Keeps the observations of the last minutes, since the partitions last changed hands."""

    def __init__(self) -> None:
        self._seen: deque[Observation] = deque()

    def add(self, now: Observation) -> None:
        """Take in an observation, later than any before."""
        seen = self._seen
        if seen and _changed_hands(seen[-1], now):
            seen.clear()
        seen.append(now)
        # One from before the window stays, so that seldom looks still make a rate.
        while len(seen) > 2 and seen[1].at <= now.at - WINDOW_SECONDS:  # noqa: PLR2004  two make a rate
            seen.popleft()

    def clear(self) -> None:
        """Forget what was seen, because it does not bear on what comes."""
        self._seen.clear()

    def load(self) -> Load | None:
        """Return what was seen; None while it is too little, or this worker has no share."""
        if not self._seen:
            return None
        first, last = self._seen[0], self._seen[-1]
        seconds = last.at - first.at
        if seconds < LEAST_SECONDS or not last.own_partitions or last.share_ratio <= 0:
            return None
        received = (last.records_received - first.records_received) / seconds
        arrival = max(0.0, received + _growth_per_second(first, last, received))
        settled = received - (last.unsettled_records - first.unsettled_records) / seconds
        calls = (last.calls_made - first.calls_made) / seconds
        return Load(
            arrival_per_second=arrival,
            settled_per_second=max(0.0, settled),
            backlog_records=waiting_records(last, arrival),
            cpu_ratio=self._cpu_ratio(seconds),
            quota_ratio=calls / last.rate_calls_per_second if last.rate_calls_per_second > 0 else 0.0,
            in_flight_ratio=sum(each.in_flight_ratio for each in self._seen) / len(self._seen),
            is_throttled=last.throttled_ratio > _CHANCE,
            share_ratio=last.share_ratio,
            partitions=max(last.own_partitions, round(last.own_partitions / last.share_ratio)),
        )

    def _cpu_ratio(self, seconds: float) -> float:
        first, last = self._seen[0], self._seen[-1]
        # One spike keeps the figure of the last minute up, so all of the window have to be late.
        if min(each.loop_lag_seconds for each in self._seen) > _STARVED_SECONDS:
            return 1.0
        loop = (last.loop_cpu_seconds - first.loop_cpu_seconds) / seconds / min(1.0, last.cores)
        process = (last.process_cpu_seconds - first.process_cpu_seconds) / seconds / last.cores
        return min(1.0, max(loop, process))


def waiting_records(last: Observation, arrival_per_second: float) -> float:
    """Return how many records wait: exact for Kafka, of Kinesis by how fast they come."""
    if last.unread_records is not None:
        return float(last.unsettled_records + last.unread_records)
    return last.unsettled_records + (last.behind_seconds or 0.0) * arrival_per_second


def _changed_hands(before: Observation, now: Observation) -> bool:
    return before.own_partitions != now.own_partitions or before.share_ratio != now.share_ratio


def _growth_per_second(first: Observation, last: Observation, received_per_second: float) -> float:
    """Return by how much what was not received yet grows; 0 while that is unknown."""
    seconds = last.at - first.at
    if first.unread_records is not None and last.unread_records is not None:
        return (last.unread_records - first.unread_records) / seconds
    if first.behind_seconds is None or last.behind_seconds is None:
        return 0.0
    # So many of the stream's seconds were read in one of ours: they held what was received.
    progress = 1 - (last.behind_seconds - first.behind_seconds) / seconds
    return received_per_second / max(_LEAST_PROGRESS, progress) - received_per_second
