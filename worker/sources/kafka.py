"""Records from Kafka, offsets back to it.

Keeps to three rules. Partitions are ours from ``on_assign`` to ``on_revoke`` or ``on_lost``, and every
record carries the lease it came under. Offsets are stored here and committed by name, of partitions that are
ours and no others: of what its own ``store_offsets`` was told, librdkafka commits nothing below its last
commit, not even when the log was cut and counts from below again. Polling never stops for long, so
membership survives any outage.

A broker that is away, a refused login, a topic that is not there yet are said and waited for: librdkafka
reconnects by itself. What it calls fatal (a fenced static member) ends the worker.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.aio import AIOConsumer

from worker.sources.kafka_messages import RecordReader, how_many_more
from worker.sources.kafka_offsets import Offsets
from worker.sources.kafka_settings import takes_in
from worker.sources.kafka_statistics import Silence, decode
from worker.sources.kafka_trouble import Trouble
from worker.sources.memory import give_back

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from confluent_kafka import Message

    from worker.core.lease import Lease
    from worker.core.records import Record
    from worker.core.snapshot import PartitionGauges
    from worker.ports import Assignments

log = structlog.get_logger(__name__)

T = TypeVar("T")

# How long an idle poll waits. Offsets are stored and flow is controlled between two polls.
_POLL_SECONDS: Final = 0.1
_METADATA_SECONDS: Final = 5.0
_COMMIT_SECONDS: Final = 5.0
_STATISTICS_MS: Final = 5000
# poll, the callback it waits in, and what that callback calls.
_THREADS: Final = 4
_PURGE_SECONDS: Final = 1.0

# What a commit may meet without anything being wrong: the partition is not ours now.
_HARMLESS: Final = {
    KafkaError._STATE,  # noqa: SLF001  librdkafka's own codes begin with an underscore
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.FENCED_MEMBER_EPOCH,
    KafkaError.STALE_MEMBER_EPOCH,
}


class KafkaSource:
    """A member of the consumer group; implements ``ports.Source``."""

    def __init__(
        self,
        settings: Mapping[str, object],
        topics: Sequence[str],
        *,
        commit_seconds: float,
        on_committed: Callable[[Mapping[tuple[str, int], int]], None],
        clock: Callable[[], float],
    ) -> None:
        """Prepare; nothing is sent before ``open``.

        Args:
            settings: librdkafka's, for a consumer.
            topics: names, or patterns that start with ``^``.
            commit_seconds: how often stored offsets are committed.
            on_committed: is told what the broker has.
            clock: the loop's.
        """
        self._settings = dict(settings)
        self._topics = list(topics)
        self._commit_seconds = commit_seconds
        self._on_committed = on_committed
        self._clock = clock
        self._leases: dict[tuple[str, int], Lease] = {}
        self._offsets = Offsets()
        self._silence = Silence()
        self._paused: set[tuple[str, int]] = set()
        self._is_paused = False
        self._giving_back: asyncio.TimerHandle | None = None
        self._commit_at = 0.0
        self._reader = RecordReader()
        self._trouble = Trouble(clock)

    async def open(self, assignments: Assignments) -> None:
        """Subscribe; partitions come with the first calls of ``receive``."""
        self._assignments = assignments
        callbacks = {"error_cb": self._failed, "stats_cb": self._measured, "on_commit": self._told_of_commit}
        defaults = {"statistics.interval.ms": _STATISTICS_MS}
        # An executor of its own would be waited for by close, however long a broker keeps it.
        self._threads = ThreadPoolExecutor(_THREADS, "kafka")
        self._consumer = AIOConsumer(defaults | self._settings | callbacks, executor=self._threads)
        await self._consumer.subscribe(
            self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )
        self._commit_at = self._clock() + self._commit_seconds

    async def receive(self, max_records: int) -> Sequence[Record]:
        """What is there, up to ``max_records``; else the first that comes within a tenth of a second."""
        await self._keep_pace()
        # consume(n, t) waits the whole of t for n records; so one is polled for, and the rest is there.
        first = await self._consumer.poll(_POLL_SECONDS)
        if first is None:
            return ()
        messages = [first]
        # Each step is looked at before the next: if it shows that a partition began again, a revoke within
        # consume() must know.
        records = self._records(messages)
        while (count := how_many_more(messages, max_records)) > 0:
            more = await self._consumer.consume(count, 0)
            messages += more
            records += self._records(more)
            if len(more) < count:
                break
        return [each for each in records if each.lease.open]

    async def store(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Note them for the next commit; a partition that was taken away meanwhile is left out."""
        self._offsets.store(self._of_ours(offsets))

    async def commit(self) -> None:
        """Commit what is stored, and wait for it."""
        if positions := self._offsets.to_commit():
            done = await self._quietly(self._consumer.commit, offsets=positions, asynchronous=False)
            self._note_committed(done or ())

    async def pause(self) -> None:
        """Stop the flow, of partitions too that come later."""
        self._is_paused = True
        await self._pause_new()
        # What was fetched ahead is thrown away by librdkafka's own thread, soon.
        loop = asyncio.get_running_loop()
        self._giving_back = loop.call_later(_PURGE_SECONDS, self._threads.submit, give_back)

    async def resume(self) -> None:
        """Let the records flow again."""
        self._is_paused = False
        paused, self._paused = self._paused & self._leases.keys(), set()
        await self._quietly(self._consumer.resume, [TopicPartition(*each) for each in paused])

    async def partitions_total(self) -> int | None:
        """All partitions of the subscribed topics, by the brokers' metadata; None while that can't be had."""
        try:
            metadata = await self._consumer.list_topics(timeout=_METADATA_SECONDS)
        except KafkaException:
            return None
        ours = (
            len(topic.partitions)
            for name, topic in metadata.topics.items()
            if any(takes_in(each, name) for each in self._topics)
        )
        return sum(ours) or None

    async def close(self) -> None:
        """Leave the group; may be given up."""
        if self._giving_back is not None:
            self._giving_back.cancel()
        try:
            await self._consumer.close()
        finally:
            self._threads.shutdown(wait=False)

    def trouble(self) -> str | None:
        """What Kafka complains of; None while all is well."""
        return self._trouble.now()

    def partitions(self) -> tuple[PartitionGauges, ...]:
        """The partitions that are ours, with their lag as far as it is known."""
        return tuple(self._offsets.gauges(lease) for lease in self._leases.values())

    def _records(self, messages: Iterable[Message]) -> list[Record]:
        received_at, leases, read = self._clock(), self._leases, self._reader.record
        records: list[Record] = []
        for message in messages:
            if (error := message.error()) is not None:
                self._trouble.note(error)
            elif (lease := leases.get((message.topic(), message.partition()))) is not None:  # type: ignore[arg-type]  # set
                record = read(message, lease, received_at)
                if record.offset < lease.position:
                    record = read(message, self._begin_again(lease, record.offset), received_at)
                record.lease.position = record.offset + 1
                records.append(record)
        if records:
            self._trouble.over()
        return records

    def _begin_again(self, lease: Lease, offset: int) -> Lease:
        """A new lease for a partition that begins again below, at ``offset``.

        librdkafka goes back by itself when the topic was made anew or its log was cut. To the ledger that is
        another assignment: what is still on its way was of the old log.
        """
        key = (lease.topic, lease.partition)
        log.warning("kafka.partition_began_again", topic=lease.topic, partition=lease.partition)
        self._assignments.lost([key])
        (self._leases[key],) = self._assignments.assigned([key])
        self._offsets.begin_again(key, offset)
        return self._leases[key]

    async def _keep_pace(self) -> None:
        """Commit when it is time, and pause what was assigned during a pause."""
        if self._is_paused:
            await self._pause_new()
        if self._clock() >= self._commit_at:
            self._commit_at = self._clock() + self._commit_seconds
            if positions := self._offsets.to_commit():
                await self._quietly(self._consumer.commit, offsets=positions, asynchronous=True)

    async def _pause_new(self) -> None:
        new = self._leases.keys() - self._paused
        if new:
            self._paused |= new
            await self._quietly(self._consumer.pause, [TopicPartition(*each) for each in new])

    async def _assigned(self, _: AIOConsumer, partitions: list[TopicPartition]) -> None:
        keys = _keys(partitions)
        self._forget(keys)
        self._leases |= zip(keys, self._assignments.assigned(keys), strict=True)
        self._trouble.over()

    async def _revoked(self, _: AIOConsumer, partitions: list[TopicPartition]) -> None:
        keys = _keys(partitions)
        await self.store(await self._assignments.revoked(keys))
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self.commit()
        except TimeoutError:
            log.warning("kafka.commit_timed_out", effect="the next owner repeats what was not committed")
        self._forget(keys)

    async def _lost(self, _: AIOConsumer, partitions: list[TopicPartition]) -> None:
        keys = _keys(partitions)
        self._assignments.lost(keys)
        self._forget(keys)

    def _forget(self, keys: Sequence[tuple[str, int]]) -> None:
        self._offsets.forget(keys)
        for key in keys:
            self._leases.pop(key, None)
            self._paused.discard(key)

    async def _failed(self, error: KafkaError) -> None:
        self._trouble.note(error)

    async def _measured(self, statistics: str) -> None:
        decoded, now = decode(statistics), self._clock()
        self._offsets.note_known((key, known) for key, known in decoded.offsets() if key in self._leases)
        self._silence.observe(decoded, now, fetching=not self._is_paused)
        self._trouble.silent(self._silence.of(now))
        self._trouble.remind()

    async def _told_of_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        if error is None:
            self._note_committed(partitions)
        elif error.code() not in _HARMLESS:
            self._trouble.note(error)

    def _note_committed(self, positions: Iterable[TopicPartition]) -> None:
        done = {(each.topic, each.partition): each.offset for each in positions if not each.error}
        self._offsets.note_committed(self._of_ours(done))
        if done:
            self._on_committed(done)

    def _of_ours(self, offsets: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
        return {key: offset for key, offset in offsets.items() if key in self._leases}

    async def _quietly(self, call: Callable[..., Awaitable[T]], *args: object, **kwargs: object) -> T | None:
        """Make a call of the consumer; what goes wrong in a way that heals or harms nobody is not raised."""
        try:
            return await call(*args, **kwargs)
        except KafkaException as raised:
            error: KafkaError = raised.args[0]
            if error.code() not in _HARMLESS:
                self._trouble.note(error)
        return None


def _keys(partitions: Iterable[TopicPartition]) -> list[tuple[str, int]]:
    return [(each.topic, each.partition) for each in partitions]
