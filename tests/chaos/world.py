"""What there is: brokers, ways, the API's doors, workers, and what is put on the topic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from tests.support.losses import Losses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.chaos.fleet import Fleet
    from tests.chaos.network import Network
    from tests.support.feed import Feed
    from tests.support.java_kafka import JavaKafka
    from tests.support.processes import DoorsProcess
    from tests.support.site import Site

BROKERS: Final = 3
PARTITIONS: Final = 8


@dataclass(frozen=True)
class World:
    """All that can go wrong."""

    kafka: JavaKafka
    network: Network
    doors: DoorsProcess
    site: Site
    fleet: Fleet
    feed: Feed
    losses: Losses = field(default_factory=Losses)
    """What Kafka itself has lost so far."""


class Fault(Protocol):
    """One that is about to be, is on, or was."""

    def begin(self) -> Iterable[float]:
        """Let it go wrong; the seconds of each drain that this took."""

    def end(self) -> Iterable[float]:
        """Let it be well again; as above."""
