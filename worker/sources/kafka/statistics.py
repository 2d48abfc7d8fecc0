"""Decodes the parts of librdkafka's statistics (its STATISTICS.md) that are used.

They come from outside like everything else: whatever they contain, reading them raises nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from worker.core.model.partition import Partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LONGEST_STATISTICS_MS = 5000
"""The figures shown are this old at most, whatever ``kafka.client`` says."""


class PartitionStatistics(Struct, frozen=True):
    """A partition. Negative numbers mean unknown."""

    broker: int = -1
    """The id of the broker from which it is fetched."""
    hi_offset: int = -1
    ls_offset: int = -1
    """The last stable offset, beyond which transactions are open."""
    next_offset: int = -1
    """Where the next fetch begins: past offsets that hold no record."""
    app_offset: int = -1
    """One past the last record handed over since it was assigned or moved; negative before the first."""
    committed_offset: int = -1
    fetch_state: str = ""
    fetchq_cnt: int = 0
    """How many messages are fetched, but not handed over."""


class _Topic(Struct, frozen=True):
    partitions: dict[str, PartitionStatistics] = {}


class _Window(Struct, frozen=True):
    max: int = 0


class BrokerStatistics(Struct, frozen=True):
    """A broker, or the connection to whichever broker is the group's coordinator."""

    state: str = ""
    source: str = ""
    nodename: str = ""
    nodeid: int = -1
    rx: int = 0
    """Answers received since the start."""
    waitresp_cnt: int = 0
    """Requests that wait for an answer."""
    throttle: _Window = _Window()
    """The longest recent throttling by the broker, in milliseconds."""
    toppars: dict[str, msgspec.Raw] = {}
    """Partitions that are fetched from it."""

    @property
    def is_coordinator(self) -> bool:
        """Whether this is the connection to the group's coordinator, which has a connection of its own."""
        return self.source == "logical"


class GroupStatistics(Struct, frozen=True):
    """The consumer group, as this member sees it."""

    state: str = ""
    join_state: str = ""


class Statistics(Struct, frozen=True):
    """The statistics that are used."""

    brokers: dict[str, BrokerStatistics] = {}
    topics: dict[str, _Topic] = {}
    cgrp: GroupStatistics = GroupStatistics()

    def partitions(self) -> Iterator[tuple[Partition, PartitionStatistics]]:
        """Iterate over the partitions; -1 is left out: it stands for those of records without a partition."""
        for topic, each in self.topics.items():
            for partition, numbers in each.partitions.items():
                if partition.isascii() and partition.isdecimal():
                    yield Partition(topic, int(partition)), numbers


def moved(partitions: Iterable[tuple[Partition, PartitionStatistics]]) -> Iterator[tuple[Partition, int]]:
    """Iterate over the partitions that librdkafka has moved, with nothing received or waiting since.

    It moves them by itself when a log was cut or replaced, even while there is nothing to read.
    """
    for key, each in partitions:
        is_idle = each.fetch_state == "active" and not each.fetchq_cnt
        if is_idle and each.app_offset < 0 <= each.next_offset:
            yield key, each.next_offset


_decoder = msgspec.json.Decoder(Statistics)


def decode(statistics: str | bytes) -> Statistics | None:
    """Decode the statistics; None if they have another form."""
    try:
        return _decoder.decode(statistics)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
        return None


def statistics_ms(settings: Mapping[str, object]) -> int:
    """Return their interval: readiness, lag and the quota's share need them, so it is never longer."""
    said = str(settings.get("statistics.interval.ms", ""))
    wanted = int(said) if said.isascii() and said.isdecimal() else 0
    return min(wanted or LONGEST_STATISTICS_MS, LONGEST_STATISTICS_MS)
