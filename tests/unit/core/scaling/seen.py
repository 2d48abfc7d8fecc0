"""One worker under a load that stays as it is: what it sees, minute by minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from worker.core.scaling.desired_workers import Advice, DesiredWorkers
from worker.core.scaling.load import Load
from worker.core.scaling.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRAPE_SECONDS = 15.0

CALM = Observation(
    at=0.0,
    records_received=0,
    calls_made=0,
    loop_cpu_seconds=0.0,
    process_cpu_seconds=0.0,
    cores=8.0,
    loop_lag_seconds=0.0,
    unsettled_records=0,
    unread_records=0,
    behind_seconds=None,
    in_flight_ratio=0.0,
    own_partitions=2,
    share_ratio=0.25,
    rate_calls_per_second=250.0,
    throttled_ratio=0.0,
    is_held=False,
    is_draining=False,
)

LOAD = Load(
    arrival_per_second=1000.0,
    settled_per_second=1000.0,
    backlog_records=0.0,
    cpu_ratio=0.6,
    quota_ratio=0.3,
    in_flight_ratio=0.1,
    is_throttled=False,
    share_ratio=0.25,
    partitions=12,
)


class Rates(Struct, frozen=True, kw_only=True):
    """What goes on in a second."""

    received: float = 100.0
    unread: float = 0.0
    """By how much what was not received grows."""
    behind: float = 0.0
    """By how much reading falls behind."""
    calls: float = 10.0
    cpu: float = 0.1


class Seen:
    """What a worker sees while it takes in, sends and computes at these rates."""

    def __init__(self, **first: Any) -> None:
        self.now = structs.replace(CALM, **first)
        self.desired = DesiredWorkers()

    def minutes(self, minutes: float, **rates: Any) -> Advice:
        """Let time pass, and return what is advised at its end.

        Args:
            minutes: how many.
            rates: those of ``Rates``; anything else is a figure of the moment.
        """
        names = set(Rates.__struct_fields__)
        now = {name: value for name, value in rates.items() if name not in names}
        each = Rates(**{name: value for name, value in rates.items() if name in names})
        advice = self.desired.advice
        for _ in range(round(minutes * 60 / SCRAPE_SECONDS)):
            self.now = structs.replace(_later(self.now, each), **now)
            advice = self.desired.observe(self.now)
        return advice

    def numbers(self, minutes: float, **rates: Any) -> Iterator[int | None]:
        """Let time pass, and yield what is advised at each scrape."""
        for _ in range(round(minutes * 60 / SCRAPE_SECONDS)):
            yield self.minutes(SCRAPE_SECONDS / 60, **rates).workers


def _later(was: Observation, rates: Rates, seconds: float = SCRAPE_SECONDS) -> Observation:
    unread, behind = was.unread_records, was.behind_seconds
    return structs.replace(
        was,
        at=was.at + seconds,
        records_received=was.records_received + round(rates.received * seconds),
        calls_made=was.calls_made + round(rates.calls * seconds),
        loop_cpu_seconds=was.loop_cpu_seconds + rates.cpu * seconds,
        process_cpu_seconds=was.process_cpu_seconds + rates.cpu * seconds,
        unread_records=None if unread is None else unread + round(rates.unread * seconds),
        behind_seconds=None if behind is None else behind + rates.behind * seconds,
    )
