"""What librdkafka's statistics (its STATISTICS.md) say: where partitions end, and which brokers are silent.

A broker whose process stands still, or whose network has been cut, raises no error for a minute: its
connection is up, and no answer comes. What shows is a request that waits while no answer has been counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# An idle fetch is answered within half a second (fetch.wait.max.ms), a heartbeat at once.
SILENT_SECONDS: Final = 9.0


class _Partition(Struct, frozen=True):
    hi_offset: int = -1
    committed_offset: int = -1
    next_offset: int = -1
    """Where it is fetched next."""
    app_offset: int = -1
    """One past the last record handed over since it was assigned or moved; negative before the first."""
    fetch_state: str = ""
    fetchq_cnt: int = 0
    """Records that are fetched, and not handed over."""


class _Topic(Struct, frozen=True):
    partitions: dict[str, _Partition] = {}


class _Broker(Struct, frozen=True):
    state: str = ""
    source: str = ""
    nodename: str = ""
    rx: int = 0
    """Answers received, ever."""
    waitresp_cnt: int = 0
    """Requests that wait for an answer."""
    toppars: dict[str, msgspec.Raw] = {}
    """Partitions that are fetched from it."""


class _Group(Struct, frozen=True):
    join_state: str = ""


class Statistics(Struct, frozen=True):
    """The little that is shown."""

    brokers: dict[str, _Broker] = {}
    topics: dict[str, _Topic] = {}
    cgrp: _Group = _Group()

    def offsets(self) -> Iterator[tuple[tuple[str, int], tuple[int, int]]]:
        """Of each partition its end, and what is committed, as they were last known; negative: not known."""
        for topic, each in self.topics.items():
            for partition, numbers in each.partitions.items():
                yield (topic, int(partition)), (numbers.hi_offset, numbers.committed_offset)

    def moved(self) -> Iterator[tuple[tuple[str, int], int]]:
        """Where librdkafka has moved each partition of which nothing has come since, and nothing waits.

        It does so by itself when a log was cut or is another, also while there is nothing to read.
        """
        for topic, each in self.topics.items():
            for partition, numbers in each.partitions.items():
                is_idle = numbers.fetch_state == "active" and not numbers.fetchq_cnt
                if is_idle and numbers.app_offset < 0 <= numbers.next_offset:
                    yield (topic, int(partition)), numbers.next_offset


decode: Callable[[str], Statistics] = msgspec.json.Decoder(Statistics).decode


class Silence:
    """Which brokers have stopped to answer, and since when."""

    def __init__(self) -> None:
        """Begin without having heard of any."""
        self._waiting: dict[str, tuple[int, float]] = {}

    def observe(self, statistics: Statistics, now: float, *, fetching: bool) -> None:
        """Compare with what was there before; ``fetching``: connections to partitions' leaders are needed."""
        before, self._waiting = self._waiting, {}
        for name, broker in statistics.brokers.items():
            if _is_waited_for(broker, statistics.cgrp.join_state, fetching=fetching):
                shown = f"{broker.nodename} (the group's coordinator)" if _is_coordinator(broker) else name
                answers, since = before.get(shown, (broker.rx, now))
                self._waiting[shown] = (broker.rx, since if answers == broker.rx else now)

    def of(self, now: float) -> dict[str, float]:
        """The silent ones: for how many seconds each."""
        quiet = ((name, now - since) for name, (_, since) in self._waiting.items())
        return {name: seconds for name, seconds in quiet if seconds >= SILENT_SECONDS}


def _is_coordinator(broker: _Broker) -> bool:
    """Whether it is the connection to whichever broker that is: it has one of its own."""
    return broker.source == "logical"


def _is_waited_for(broker: _Broker, join_state: str, *, fetching: bool) -> bool:
    if _is_coordinator(broker):
        # While a group forms its coordinator keeps members waiting, for as long as the slowest of them takes.
        return join_state == "steady" and broker.waitresp_cnt > 0
    return broker.waitresp_cnt > 0 or (fetching and bool(broker.toppars) and broker.state != "UP")
