"""What one worker sees of itself at one moment, as far as it bears on how many workers there should be."""

from __future__ import annotations

from msgspec import Struct


class Observation(Struct, frozen=True, kw_only=True):
    """Sums since the process began, and figures of this moment. Times are seconds of the caller's clock.

    Whoever looks seldom, or at uneven times, loses nothing but the moments' figures in between.
    """

    at: float
    records_received: int
    calls_made: int
    """Every attempt counts."""
    loop_cpu_seconds: float
    """CPU time of the event loop's thread, which can never use more than one core."""
    process_cpu_seconds: float
    """CPU time of the whole process."""
    cores: float
    """How many cores the process may use, by its limit."""
    loop_lag_seconds: float
    """The longest delay of the loop in the last minute."""
    unsettled_records: int
    unread_records: int | None
    """Records in the log that were not received yet; None while unknown, and with Kinesis."""
    behind_seconds: float | None
    """With Kinesis, how far reading is behind the newest record; None while unknown, and with Kafka."""
    in_flight_ratio: float
    """Calls in flight, of those that may be."""
    own_partitions: int
    share_ratio: float
    """This worker's share of the quota, which is its share of the partitions; 0 while unknown."""
    rate_calls_per_second: float
    """The highest rate at which calls may go while nothing is held."""
    throttled_ratio: float
    """Of the last minute's calls."""
    is_held: bool
    """Whether nothing is sent, or call after call fails: what is seen now says nothing about the need."""
    is_draining: bool
