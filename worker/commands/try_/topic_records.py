"""Reads records of topics for ``try``: partitions are assigned, no group is joined, nothing is committed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]  # documented, but not in its __all__
from msgspec import Struct

from worker.commands.check.newest import Newest, Span, partition_offsets, spread
from worker.commands.try_.sampled import CannotRead, Sampled
from worker.commands.try_arguments import AtOffset, AtTime
from worker.config.names import nearest
from worker.core.topics import matches_topic
from worker.sources.kafka.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from confluent_kafka.admin import AdminClient, ClusterMetadata  # type: ignore[attr-defined]  # as above

    from worker.commands.try_arguments import Start
    from worker.core.model.partition import Partition
    from worker.settings import Settings

_PATIENCE_SECONDS: Final = 10.0
# In addition to that.
_RECORDS_PER_SECOND: Final = 2_000
_REACH: Final = (
    "check that this user may read it, and that brokers are reachable where they say (advertised.listeners)"
)


class Log(Struct, frozen=True):
    """What a partition holds: offsets from ``begin``, inclusive, to ``end``, exclusive."""

    partition: Partition
    begin: int
    end: int


class TopicSample:
    """Some records of some topics; it connects when it is made.

    Args:
        settings: as configured.
        start: where to begin in each partition.
        records: how many of each topic, spread over its partitions.

    Raises:
        CannotRead: Kafka does not answer, or there is no such topic or position.
    """

    def __init__(self, settings: Settings, start: Start, records: int) -> None:
        self._kafka = settings.kafka
        # The variable keeps the client alive.
        self._asked = Cluster(settings.kafka)
        cluster = self._asked.ask(_PATIENCE_SECONDS)
        if isinstance(cluster, str):
            raise CannotRead(settings.kafka.bootstrap_servers, cluster)
        self.topics = _topics(cluster, settings.kafka.topics)
        logs, self._trouble = _logs(self._asked.admin, settings, self.topics)
        self._spans = [
            span
            for name in self.topics
            for span in self._spans_of([log for log in logs if log.partition.topic == name], start, records)
        ]
        whole = {log.partition: log for log in logs}
        spans = [(span, whole[span.partition]) for span in self._spans]
        self.cut_before = frozenset(span.partition for span, log in spans if span.begin > log.begin)
        """The partitions that have older records than these."""
        self.cut_after = frozenset(span.partition for span, log in spans if span.end < log.end)
        """The partitions that have younger records than these."""

    def read(self) -> Iterator[Sampled]:
        """Yield the records, each partition's in order.

        Raises:
            CannotRead: none came.
        """
        newest = Newest(self._kafka, self._spans)
        wanted = sum(span.end - span.begin for span in self._spans)
        count = 0
        for record in newest.read(_PATIENCE_SECONDS + wanted / _RECORDS_PER_SECOND):
            count += 1
            yield Sampled(f"{record.assignment.partition}@{record.offset}", record)
        self._say_what_is_missing(newest, count)

    def _say_what_is_missing(self, newest: Newest, count: int) -> None:
        for topic in self.topics:
            why = self._trouble.get(topic) or newest.trouble.get(topic)
            if newest.unread(topic):
                why = why or newest.trouble.get(None) or "the time was over"
            if why is None:
                continue
            trouble = CannotRead(f"topic {topic}", f"not all could be read: {why}: {_REACH}")
            if not count:
                raise trouble
            sys.stderr.write(f"personalize-worker: {trouble}\n")

    def _spans_of(self, logs: Sequence[Log], start: Start, records: int) -> list[Span]:
        match start:
            case AtOffset():
                return [_from_offset(logs, start, records)]
            case AtTime():
                begins = self._begins_at(logs, start)
            case _:
                begins = {log.partition: log.begin for log in logs}
        shares = spread(records, [log.end - begins[log.partition] for log in logs])
        spans = []
        for log, share in zip(logs, shares, strict=True):
            begin = log.end - share if start == "newest" else begins[log.partition]
            spans.append(Span(log.partition, begin, begin + share))
        return [span for span in spans if span.begin < span.end]

    def _begins_at(self, logs: Sequence[Log], start: AtTime) -> dict[Partition, int]:
        """Return the first offset at or after the time; the end where there is none."""
        spec = OffsetSpec.for_timestamp(start.epoch_ms)
        wanted = {TopicPartition(*log.partition): spec for log in logs}
        found, trouble = partition_offsets(self._asked.admin, self._kafka, wanted, _PATIENCE_SECONDS)
        if trouble:
            topic, why = next(iter(trouble.items()))
            at = f"topic {topic}"
            raise CannotRead(at, f"no offsets by time: {why}: try --at PARTITION:OFFSET")
        return {log.partition: offset if (offset := found[log.partition]) >= 0 else log.end for log in logs}


def _from_offset(logs: Sequence[Log], start: AtOffset, records: int) -> Span:
    log = next((each for each in logs if each.partition.number == start.partition), None)
    if log is None:
        raise CannotRead(
            logs[0].partition.topic if logs else "the topic",
            f"has no partition {start.partition}: it has {len(logs)} partitions, counted from 0",
        )
    if not log.begin <= start.offset < log.end:
        there = f"offsets {log.begin:,} to {log.end - 1:,}" if log.begin < log.end else "no record"
        raise CannotRead(log.partition, f"has no offset {start.offset:,}: it has {there}")
    return Span(log.partition, start.offset, min(log.end, start.offset + records))


def _topics(cluster: ClusterMetadata, wanted: Sequence[str]) -> dict[str, list[int]]:
    """Return the partitions of each topic that is there.

    Raises:
        CannotRead: there is none.
    """
    found = {
        name: sorted(each.partitions)
        for topic in wanted
        for name, each in cluster.topics.items()
        if matches_topic(topic, name) and each.partitions
    }
    if found:
        return found
    near = nearest(wanted[0], cluster.topics)
    hint = f"did you mean {near}?" if near else "create it, or grant DESCRIBE and READ on it"
    named = f"topic {', '.join(wanted)}"
    raise CannotRead(named, f"is not there, or this user may not see it: {hint}")


def _logs(
    admin: AdminClient, settings: Settings, topics: Mapping[str, Sequence[int]]
) -> tuple[list[Log], dict[str, str]]:
    """Return where each partition begins and ends, and by topic why that is not known.

    Raises:
        CannotRead: it is known of none.
    """
    places = [TopicPartition(topic, number) for topic, numbers in topics.items() for number in numbers]
    earliest, latest = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]  # as above
    kafka = settings.kafka
    begins, trouble = partition_offsets(admin, kafka, dict.fromkeys(places, earliest), _PATIENCE_SECONDS)
    ends, more = partition_offsets(admin, kafka, dict.fromkeys(places, latest), _PATIENCE_SECONDS)
    trouble |= more
    if not (begins.keys() & ends.keys()) and trouble:
        topic, why = next(iter(trouble.items()))
        at = f"topic {topic}"
        raise CannotRead(at, f"{why}: {_REACH}")
    known = sorted(begins.keys() & ends.keys())
    return [Log(each, begins[each], ends[each]) for each in known], trouble
