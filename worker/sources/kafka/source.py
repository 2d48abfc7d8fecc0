"""Receives records from Kafka and commits offsets to it.

The source keeps four rules:

- Partitions are ours from ``on_assign`` to ``on_revoke`` or ``on_lost``, and every record carries the
  assignment under which it came.
- Offsets are stored here and committed by name, only for partitions that are ours. librdkafka's own
  ``store_offsets`` is not used, because it commits nothing below its last commit, not even when the log was
  cut and offsets restart from below.
- Where a partition is read, and whether it is paused, is always set explicitly and never assumed.
- Polling never stops for long, so membership survives any outage.

An unreachable broker, a refused login or a topic that does not exist yet is reported and waited for:
librdkafka reconnects by itself. An error that librdkafka calls fatal (a fenced static member) ends the
worker.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.aio import AIOConsumer

from worker.core.model.boundary import Before
from worker.core.model.partition import Partition
from worker.core.topics import subscription
from worker.malloc import give_back
from worker.sources.kafka.client_settings import start_of
from worker.sources.kafka.messages import how_many_more
from worker.sources.kafka.monitor import KafkaMonitor
from worker.sources.kafka.offsets import offset_of
from worker.sources.kafka.pausing import PauseControl
from worker.sources.kafka.state import KafkaState
from worker.sources.kafka.statistics import statistics_ms
from worker.sources.kafka.topics import METADATA_SECONDS, count_partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from confluent_kafka import Message

    from worker.core.model.boundary import Boundary
    from worker.core.model.records import Record
    from worker.core.model.snapshot import PartitionGauges, SourceStatus
    from worker.core.offsets.assignment import Assignment
    from worker.ports import RebalanceListener

log = structlog.get_logger(__name__)

# How long an idle poll waits. Offsets are stored and flow is controlled between two polls.
_POLL_SECONDS: Final = 0.1
# In a rebalance, which waits for it, and in a drain. What can't be had by then is requested again.
_BEGIN_SECONDS: Final = 2.0
_COMMIT_SECONDS: Final = 5.0
# poll, the callback for which it waits, and what that callback calls.
_THREADS: Final = 4
_PURGE_SECONDS: Final = 1.0

# Errors that a commit may meet without anything being wrong: the partition is not ours now.
_HARMLESS: Final = {
    KafkaError._STATE,  # noqa: SLF001  librdkafka's own codes begin with an underscore
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.FENCED_MEMBER_EPOCH,
    KafkaError.STALE_MEMBER_EPOCH,
}


class KafkaSource:
    """A member of the consumer group; implements ``ports.Source``. Nothing is sent before ``open``.

    Args:
        settings: librdkafka's, for a consumer.
        topics: names, or patterns that start with ``^``.
        commit_seconds: how often stored offsets are committed.
        clock: the loop's.
    """

    def __init__(
        self,
        settings: Mapping[str, object],
        topics: Sequence[str],
        *,
        commit_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._settings = dict(settings)
        self._topics = list(topics)
        self._commit_seconds = commit_seconds
        self._clock = clock
        self._giving_back: asyncio.TimerHandle | None = None
        self._commit_at = 0.0
        self._known = KafkaState(self._settings, clock, cut=self._cut, begun=self._begun)
        self._reading, self._offsets = self._known.reading, self._known.offsets
        self._watch = KafkaMonitor(self._settings, topics, self._known, clock, commit_seconds=commit_seconds)
        self._pausing = PauseControl(self._reading.assignments.keys, self._known.trouble.note)

    async def open(self, listener: RebalanceListener) -> None:
        """Subscribe; partitions come with the first calls of ``receive``."""
        self._listener = listener
        callbacks = {"error_cb": self._failed, "stats_cb": self._measured, "on_commit": self._told_of_commit}
        ours: dict[str, object] = {"statistics.interval.ms": statistics_ms(self._settings)}
        # After an offset out of range, a log is read from its start. Only a partition without a committed
        # offset begins at the end, and that is done here.
        if start_of(self._settings) == "latest":
            ours["auto.offset.reset"] = "earliest"
        # close would wait for the executor that the consumer creates itself, however long a broker blocks it.
        self._threads = ThreadPoolExecutor(_THREADS, "kafka")
        self._consumer = AIOConsumer(self._settings | ours | callbacks, executor=self._threads)
        await self._consumer.subscribe(
            subscription(self._topics),
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._lost,
        )
        self._commit_at = self._clock() + self._commit_seconds

    async def receive(self, max_records: int) -> Sequence[Record]:
        """Return up to ``max_records`` that are there, or the first to come within a tenth of a second."""
        await self._keep_pace()
        self._watch.questions.ask(self._recounted)
        # consume(n, t) waits all of t for n records. So one is polled for, and the rest is there already.
        first = await self._consumer.poll(_POLL_SECONDS)
        if first is None:
            return ()
        # Each step is examined before the next: if it shows that a log was cut, a revoke within consume()
        # must know that.
        records = self._records([first])
        while (count := how_many_more(records, max_records)) > 0:
            await self._reading.seek(self._consumer, self._clock())
            more = await self._consumer.consume(count, 0)
            records += self._records(more)
            if len(more) < count:
                break
        return [each for each in records if each.assignment.open]

    async def store(self, boundaries: Mapping[Partition, Boundary]) -> None:
        """Note them for the next commit; a partition that was taken away meanwhile is left out."""
        self._offsets.store(self._of_ours({key: offset_of(each) for key, each in boundaries.items()}))

    async def commit(self) -> None:
        """Commit what is stored, and wait for it."""
        if positions := self._offsets.to_commit():
            await self._commit(positions, asynchronous=False)

    async def pause(self, *, for_good: bool = False) -> None:  # noqa: ARG002  the group is left at the end
        """Pause receiving, for partitions that come later too."""
        await self._pausing.turn(self._consumer, on=True)
        # librdkafka's own thread discards what was fetched ahead, soon after.
        loop = asyncio.get_running_loop()
        self._giving_back = loop.call_later(_PURGE_SECONDS, self._threads.submit, give_back)

    async def resume(self) -> None:
        """Resume receiving."""
        await self._pausing.turn(self._consumer, on=False)

    async def partitions_total(self) -> int | None:
        """Count all partitions of the subscribed topics, by the brokers' metadata; None while unavailable."""
        try:
            metadata = await self._consumer.list_topics(timeout=METADATA_SECONDS)
        except (KafkaException, UnicodeError):
            return None
        return count_partitions(metadata, self._topics) or None

    async def close(self) -> None:
        """Leave the group; this may be cancelled."""
        if self._giving_back is not None:
            self._giving_back.cancel()
        self._watch.questions.end()
        try:
            await self._consumer.close()
        finally:
            self._threads.shutdown(wait=False)

    def trouble(self) -> str | None:
        """Describe what is wrong with Kafka; None while all is well."""
        return "; ".join(map(str, self._known.trouble.now())) or None

    def status(self) -> SourceStatus:
        """Return what is wrong with Kafka, one by one, and figures that belong to no single partition."""
        return self._watch.status()

    def partitions(self) -> tuple[PartitionGauges, ...]:
        """Return figures for the partitions that are ours, with their lag as far as it is known."""
        return self._watch.gauges()

    def shown(self, position: int) -> int:
        """Return a record's offset, which is its position."""
        return position

    def _records(self, messages: Iterable[Message]) -> list[Record]:
        records = self._reading.records(messages, self._clock())
        self._known.trouble.flows(records)
        return records

    def _begun(self, key: Partition, offset: int) -> None:
        """Have a partition's next owner begin at ``offset`` too, which is not the committed one."""
        self._offsets.go_back(key, offset)
        self._known.losses.cut(key, offset)
        self._commit_at = self._clock()

    def _cut(self, key: Partition, offset: int) -> Assignment:
        """Handle a log that was cut: the next owner must not begin at the offset committed before."""
        assignment = self._listener.cut(key, offset)
        if (settled := assignment.settled_up_to()) is not None:
            self._begun(key, offset_of(settled))
        return assignment

    async def _keep_pace(self) -> None:
        """Apply pauses and seeks to what was assigned, and commit when that is due."""
        await self._pausing.keep(self._consumer)
        await self._reading.seek(self._consumer, self._clock())
        if self._clock() >= self._commit_at:
            self._commit_at = self._clock() + self._commit_seconds
            if positions := self._offsets.to_commit():
                await self._commit(positions, asynchronous=True)

    async def _assigned(self, _: AIOConsumer, partitions: list[TopicPartition]) -> None:
        keys = _keys(partitions)
        self._known.forget(keys)
        committed = await self._committed(keys)
        assignments = dict(zip(keys, self._listener.assigned(keys), strict=True))
        self._reading.begin(assignments, committed)
        self._pausing.assigned()

    def _recounted(self) -> None:
        """Have the share recalculated: the topics have more or fewer partitions, which belong to others."""
        self._listener.assigned([])

    async def _committed(self, keys: Sequence[Partition]) -> dict[Partition, int] | None:
        """Return the committed offsets of the partitions that have one; None when they can't be had."""
        asked = [TopicPartition(*each) for each in keys]
        try:
            found = await self._consumer.committed(asked, timeout=_BEGIN_SECONDS)
        except KafkaException as raised:
            if (error := raised.args[0]).code() not in _HARMLESS:
                self._known.trouble.note(error)
            return None
        if any(each.error for each in found):
            return None
        return {_partition(each): each.offset for each in found if each.offset >= 0}

    async def _revoked(self, _: AIOConsumer, partitions: list[TopicPartition]) -> None:
        keys = _keys(partitions)
        await self.store(await self._listener.revoked(keys))
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self.commit()
        except TimeoutError:
            log.warning("kafka.commit_timed_out", effect="the next owner repeats what was not committed")
        self._known.forget(keys)

    async def _lost(self, _: AIOConsumer, partitions: list[TopicPartition]) -> None:
        keys = _keys(partitions)
        self._listener.lost(keys)
        self._known.forget(keys)

    async def _failed(self, error: KafkaError) -> None:
        self._known.trouble.note(error)

    async def _measured(self, statistics: str) -> None:
        self._watch.measured(statistics, fetching=not self._pausing.is_on)

    async def _commit(self, positions: list[TopicPartition], *, asynchronous: bool) -> None:
        try:
            done = await self._consumer.commit(offsets=positions, asynchronous=asynchronous)
        except KafkaException as raised:
            await self._told_of_commit(raised.args[0], positions)
        else:
            await self._told_of_commit(None, done or [])

    async def _told_of_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        done = {}
        for each in partitions:
            key = _partition(each)
            if (failed := error or each.error) is None:
                done[key] = each.offset
                continue
            self._offsets.note_failed([key])
            if failed.code() not in _HARMLESS and key in self._reading.assignments:
                self._known.trouble.commit_failed(failed, [key])
        self._known.committed(self._of_ours(done))
        if done:
            self._listener.committed({key: Before(offset) for key, offset in done.items()})

    def _of_ours(self, offsets: Mapping[Partition, int]) -> dict[Partition, int]:
        return {key: offset for key, offset in offsets.items() if key in self._reading.assignments}


def _keys(partitions: Iterable[TopicPartition]) -> list[Partition]:
    return [_partition(each) for each in partitions]


def _partition(at: TopicPartition) -> Partition:
    return Partition(at.topic, at.partition)
