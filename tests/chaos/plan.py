"""What goes wrong and when: data, made from a seed, the same every time.

Every kind comes once before any comes twice. Most faults have the stage to themselves, so that what follows
can be told to be theirs; one in four begins while the one before is still on, at another part of the world.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Part: TypeAlias = Literal["worker", "kafka", "way to Kafka", "way to the API", "api"]

FIRST_SECONDS: Final = 5.0
# Longer than a killed member is missed (6 s), so that all partitions flow again before the next fault.
CALM_SECONDS: Final = (10.0, 15.0)
OVERLAP_SHARE: Final = 0.25
LONG_ENOUGH_TO_OVERLAP_SECONDS: Final = 5.0
# However short the run, no fault may be most of it.
LONGEST_SHARE: Final = 0.15


@dataclass(frozen=True)
class Kind:
    """A way to go wrong."""

    name: str
    part: Part
    """Two faults of one part are never on at once."""
    least_seconds: float
    most_seconds: float


KINDS: Final = (
    Kind("worker killed", "worker", 0, 3),
    Kind("worker replaced", "worker", 0, 0),
    Kind("all workers replaced", "worker", 0, 0),
    Kind("worker frozen past its session", "worker", 7, 10),
    Kind("worker frozen past its poll interval", "worker", 14, 18),
    Kind("a worker more", "worker", 12, 20),
    Kind("a worker less", "worker", 10, 15),
    Kind("broker killed", "kafka", 4, 10),
    Kind("broker restarted", "kafka", 1, 5),
    Kind("broker frozen", "kafka", 8, 15),
    Kind("all brokers frozen", "kafka", 5, 12),
    Kind("leaders moved", "kafka", 0, 0),
    Kind("Kafka slow for a worker", "way to Kafka", 8, 15),
    Kind("Kafka silent for a worker", "way to Kafka", 5, 15),
    Kind("Kafka cut off from a worker", "way to Kafka", 5, 15),
    Kind("API slow for a worker", "way to the API", 8, 15),
    Kind("API silent for a worker", "way to the API", 5, 15),
    Kind("API cut off from a worker", "way to the API", 5, 15),
    Kind("API down", "api", 60, 120),
    Kind("API throttles in a burst", "api", 5, 20),
    Kind("API fails every second call", "api", 5, 15),
    Kind("API's answers lost", "api", 5, 15),
    Kind("keys refused", "api", 10, 30),
    Kind("keys changed", "api", 5, 20),
    Kind("memory full during a rebalance", "worker", 8, 15),
    Kind("log cut by an unclean election", "kafka", 3, 6),
    # Shorter than its session, so that nobody else has read it meanwhile.
    Kind("retention overtakes a worker", "worker", 2, 4),
)


@dataclass(frozen=True)
class Step:
    """A fault to come."""

    kind: Kind
    at_seconds: float
    """Since the start of the run."""
    seconds: float
    """How long it is on."""
    target: int
    """Which worker or broker, counted around: any number will do."""

    @property
    def until_seconds(self) -> float:
        """When it is over."""
        return self.at_seconds + self.seconds

    def __str__(self) -> str:
        """Tell it in a line."""
        return f"{self.at_seconds:7.1f} s  {self.kind.name:<36} {self.seconds:5.1f} s  target {self.target}"


def make_plan(seed: int, seconds: float, kinds: Sequence[Kind] = KINDS) -> tuple[Step, ...]:
    """All faults of a run of so many seconds; the last is over before its end."""
    random = Random(seed)  # noqa: S311  a plan, not a secret
    return tuple(_steps(random, seconds, _endless(random, kinds)))


def _steps(random: Random, seconds: float, kinds: Iterable[Kind]) -> Iterator[Step]:
    before: Step | None = None
    calm_from = FIRST_SECONDS
    for kind in kinds:
        at = calm_from if before is None else _begin(random, kind, before, calm_from)
        wished = random.uniform(kind.least_seconds, kind.most_seconds)
        step = Step(kind, round(at, 1), round(min(wished, LONGEST_SHARE * seconds), 1), random.randrange(60))
        if step.until_seconds > seconds - CALM_SECONDS[1]:
            return
        yield step
        # Two at a time, never three.
        before = None if before and step.at_seconds < before.until_seconds else step
        calm_from = max(calm_from, step.until_seconds + random.uniform(*CALM_SECONDS))


def _begin(random: Random, kind: Kind, before: Step, calm_from: float) -> float:
    overlaps = random.random() < OVERLAP_SHARE
    if overlaps and kind.part != before.kind.part and before.seconds >= LONG_ENOUGH_TO_OVERLAP_SECONDS:
        return before.at_seconds + before.seconds / 2
    return calm_from


def _endless(random: Random, kinds: Sequence[Kind]) -> Iterator[Kind]:
    while True:
        yield from random.sample(kinds, len(kinds))
