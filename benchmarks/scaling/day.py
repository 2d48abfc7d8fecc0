"""The days that are played: what comes in when, what may go out, and what goes wrong."""

from __future__ import annotations

from math import exp
from random import Random
from typing import Literal

from msgspec import Struct

HOUR = 3600.0
DAY = 24 * HOUR
TICK = 5.0
# The two humps of a shop's day, and two times at which a message goes out to all its customers.
HUMPS = ((12.5, 1.2, 0.65), (20.0, 1.5, 1.0))
MESSAGES = (9.0, 17.0)
MESSAGE_MINUTES, MESSAGE_FACTOR = 10.0, 2.0
NIGHT = 0.12
NOISE = 0.08


class Scenario(Struct, frozen=True, kw_only=True):
    """One day. Rates are a second."""

    name: str
    peak_records: float
    """What comes in at the height of the evening."""
    quota_calls: float = 1000.0
    cores: float = 0.1
    """The CPU limit of a pod: small, so that a day takes several. With a whole core, one does most days."""
    weights: tuple[float, ...] = (1.0,) * 12
    """What each partition gets, in comparison."""
    outage: tuple[float, float] = (0.0, 0.0)
    """From when to when the API takes nothing, in hours."""
    backlog_records: float = 0.0
    """What waits when the day begins."""
    protocol: Literal["cooperative", "eager"] = "cooperative"


SCENARIOS = (
    Scenario(name="quota-bound peak", peak_records=12_000),
    Scenario(name="CPU-bound peak", peak_records=30_000, quota_calls=10_000, cores=0.2),
    Scenario(
        name="CPU-bound peak, eager", peak_records=30_000, quota_calls=10_000, cores=0.2, protocol="eager"
    ),
    Scenario(name="API away for 30 min", peak_records=6_000, outage=(14.0, 14.5)),
    Scenario(name="old backlog", peak_records=4_000, backlog_records=100e6),
    Scenario(
        name="uneven partitions",
        peak_records=16_000,
        quota_calls=10_000,
        cores=0.2,
        weights=(5.0,) + (1.0,) * 11,
    ),
)


class Arrivals:
    """What comes in, the same each time it is played.

    Args:
        scenario: the day.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._peak = scenario.peak_records
        noise = Random(scenario.name)  # noqa: S311  a load, not a secret
        self._noise = [1 + NOISE * noise.uniform(-1, 1) for _ in range(int(DAY / 60) + 1)]

    def per_second(self, at: float) -> float:
        """Return how many records a second come in at this second of the day."""
        return self._peak * shape(at / HOUR) * self._noise[int(at % DAY / 60)]


def shape(hour: float) -> float:
    """Return the part of the evening's height that comes in at this hour."""
    humps = sum(height * exp(-(((hour - at) / width) ** 2) / 2) for at, width, height in HUMPS)
    is_message = any(at <= hour < at + MESSAGE_MINUTES / 60 for at in MESSAGES)
    return (NIGHT + (1 - NIGHT) * humps) * (MESSAGE_FACTOR if is_message else 1.0)
