"""Monitors Kafka beyond the records, so that what the worker reports about it is true at that time.

librdkafka's statistics come every few seconds. They show which brokers are silent, which partitions stand
still, and how the group is. They also show what has to be asked in addition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from msgspec import structs

from worker.core.model.snapshot import NO_PARTITIONS, SourceStatus
from worker.sources.kafka.error_monitor import Said
from worker.sources.kafka.group import Membership
from worker.sources.kafka.questions import MetadataPoller
from worker.sources.kafka.standstill import Place, StalledPartitions
from worker.sources.kafka.statistics import decode, moved
from worker.sources.kafka.unresponsive_brokers import UnresponsiveBrokers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.model.partition import Partition
    from worker.core.model.snapshot import PartitionGauges
    from worker.sources.kafka.state import KafkaState
    from worker.sources.kafka.statistics import PartitionStatistics

log = structlog.get_logger(__name__)

# How often to ask; more often while something is wrong there.
_TOPICS_SECONDS: Final = 15.0
_PLACES_SECONDS: Final = 15.0
_LEAST_DELAY_SECONDS: Final = 30.0
_DELAYS: Final = 3


class KafkaMonitor:
    """Reads the statistics, asks for the rest, and knows what is wrong.

    Args:
        settings: the consumer's.
        topics: the names and patterns to which it subscribes.
        known: the shared state, which is kept up to date here.
        clock: the loop's.
        commit_seconds: how often stored offsets are committed.
    """

    def __init__(
        self,
        settings: Mapping[str, object],
        topics: Sequence[str],
        known: KafkaState,
        clock: Callable[[], float],
        *,
        commit_seconds: float,
    ) -> None:
        fetch_wait_seconds = _milliseconds(settings.get("fetch.wait.max.ms"), 500) / 1000
        self._known = known
        self._clock = clock
        self._longest_delay = max(_LEAST_DELAY_SECONDS, _DELAYS * commit_seconds)
        self._silence = UnresponsiveBrokers(fetch_wait_seconds)
        self._standstill = StalledPartitions(fetch_wait_seconds)
        self._membership = Membership()
        self.questions = MetadataPoller(settings, topics, known, clock)
        self._places: dict[Partition, Place] = {}
        self._resting: set[Partition] = set()
        self._undecodable = False
        self._topics_at = self._places_at = 0.0

    def measured(self, text: str, *, fetching: bool) -> None:
        """Process librdkafka's statistics; ``fetching`` is true unless everything is paused."""
        statistics, now = decode(text), self._clock()
        if statistics is None:
            if not self._undecodable:
                log.warning(
                    "kafka.statistics_unreadable",
                    effect="lag, silent brokers and stalled partitions are unknown",
                )
            self._undecodable = True
            return
        known, assignments = self._known, self._known.reading.assignments
        ours = {key: each for key, each in statistics.partitions() if key in assignments}
        if fetching:
            known.reading.moved(moved(ours.items()))
        known.offsets.note_known(ours)
        self._silence.observe(statistics, now, fetching=fetching)
        known.trouble.silent(self._silence.of(now), self._silence.answered)
        total = None if self.questions.answer is None else self.questions.answer.total
        none = self._membership.observe(statistics.cgrp, now, own=len(assignments), total=total)
        known.trouble.only(NO_PARTITIONS, none)
        known.trouble.measured(statistics)
        self._look(ours, now, fetching=fetching)
        self._late_commits(now)
        self._due(now, fetching=fetching)

    def status(self) -> SourceStatus:
        """Return what is wrong, and the figures that belong to no single partition."""
        delays = self._known.offsets.commit_delays().values()
        return SourceStatus(
            troubles=self._known.trouble.now(),
            commit_delay_seconds=max(delays, default=0.0),
            records_lost=self._known.losses.counted,
        )

    def gauges(self) -> tuple[PartitionGauges, ...]:
        """Return figures for the partitions that are ours."""
        standing = self._standstill.of()
        reading, offsets, losses = self._known.reading, self._known.offsets, self._known.losses
        return tuple(
            structs.replace(
                offsets.gauges(assignment, reading.next_offset(key)),
                standing_seconds=standing.get(key),
                lost_records=losses.of(key),
            )
            for key, assignment in reading.assignments.items()
        )

    def _look(self, known: Mapping[Partition, PartitionStatistics], now: float, *, fetching: bool) -> None:
        """Determine which partitions rest, and which stand still though they should not."""
        before, self._places = self._places, {key: self._known.place(key) for key in known}
        self._resting = {
            key for key, each in self._places.items() if not each.waits and before.get(key) == each
        }
        nodes, said = self._silence.nodes(now), self._known.trouble.standing()
        judged = {
            key: each
            for key, each in self._places.items()
            if fetching and known[key].broker not in nodes and str(key) not in said
        }
        self._standstill.observe(judged, now)
        standing = self._standstill.of()
        self._known.trouble.only("standstill", {str(key): Said(now - each) for key, each in standing.items()})

    def _late_commits(self, now: float) -> None:
        """Report late commits, whatever the cause: there may have been no answer at all."""
        for key, seconds in self._known.offsets.commit_delays().items():
            if seconds >= self._longest_delay:
                self._known.trouble.late(key, now - seconds)

    def _due(self, now: float, *, fetching: bool) -> None:
        """Decide what to ask: often where a question is open, otherwise from time to time."""
        due, answer = self.questions.due, self.questions.answer
        if not fetching or self._known.losses.to_judge() or (self._resting and now >= self._places_at):
            self._places_at = now + _PLACES_SECONDS
            due.places, due.resting = True, frozenset(self._resting)
            due.silent_nodes = frozenset(self._silence.nodes(now))
        if answer is None or self._known.trouble.of_topics() or now >= self._topics_at:
            self._topics_at = now + _TOPICS_SECONDS
            due.topics = True


def _milliseconds(value: object, default: int) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() else default
