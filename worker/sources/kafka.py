"""Records from Kafka, offsets back to it.

Keeps to four rules. Partitions are ours from ``on_assign`` to ``on_revoke`` or ``on_lost``, and every
record carries the lease it came under. Offsets are stored here and committed by name, of partitions that are
ours and no others: of what its own ``store_offsets`` was told, librdkafka commits nothing below its last
commit, not even when the log was cut and counts from below again. Where a partition is read, and whether it
flows, is said and never taken for granted. Polling never stops for long, so membership survives any outage.

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

from worker.sources.kafka_messages import how_many_more
from worker.sources.kafka_offsets import Offsets
from worker.sources.kafka_pausing import Pausing
from worker.sources.kafka_reading import Reading
from worker.sources.kafka_settings import start_of, takes_in
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
        self._offsets = Offsets()
        self._silence = Silence()
        self._giving_back: asyncio.TimerHandle | None = None
        self._commit_at = 0.0
        self._trouble = Trouble(clock)
        self._reading = Reading(
            start=start_of(settings), cut=self._cut, begun=self._begun, heed=self._trouble.note
        )
        self._pausing = Pausing(self._reading.leases.keys, self._trouble.note)

    async def open(self, assignments: Assignments) -> None:
        """Subscribe; partitions come with the first calls of ``receive``."""
        self._assignments = assignments
        callbacks = {"error_cb": self._failed, "stats_cb": self._measured, "on_commit": self._told_of_commit}
        defaults = {"statistics.interval.ms": _STATISTICS_MS}
        # A log that is not where it should be is read from its start on: where nothing is committed, and only
        # there, the end is begun at, which is done here.
        promises = {"auto.offset.reset": "earliest"} if start_of(self._settings) == "latest" else {}
        # An executor of its own would be waited for by close, however long a broker keeps it.
        self._threads = ThreadPoolExecutor(_THREADS, "kafka")
        self._consumer = AIOConsumer(defaults | self._settings | promises | callbacks, executor=self._threads)
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
        # Each step is looked at before the next: if it shows that a log was cut, a revoke within consume()
        # must know.
        records = self._records(messages)
        while (count := how_many_more(messages, max_records)) > 0:
            await self._reading.seek(self._consumer, self._clock())
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
        await self._pausing.turn(self._consumer, on=True)
        # What was fetched ahead is thrown away by librdkafka's own thread, soon.
        loop = asyncio.get_running_loop()
        self._giving_back = loop.call_later(_PURGE_SECONDS, self._threads.submit, give_back)

    async def resume(self) -> None:
        """Let the records flow again."""
        await self._pausing.turn(self._consumer, on=False)

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
        return tuple(self._offsets.gauges(lease) for lease in self._reading.leases.values())

    def _records(self, messages: Iterable[Message]) -> list[Record]:
        records = self._reading.records(messages, self._clock())
        if records:
            self._trouble.over()
        return records

    def _begun(self, key: tuple[str, int], offset: int) -> None:
        """A partition was begun elsewhere than at what is committed: its next owner is to begin there too."""
        self._offsets.go_back(key, offset)
        self._commit_at = self._clock()

    def _cut(self, key: tuple[str, int], offset: int) -> Lease:
        """A log was cut: what was committed of it must not be where the next owner begins."""
        lease = self._assignments.cut(key, offset)
        if (committable := lease.committable()) is not None:
            self._begun(key, committable)
        return lease

    async def _keep_pace(self) -> None:
        """Say of what was assigned whether it flows, and where it is read; commit when it is time."""
        await self._pausing.keep(self._consumer)
        await self._reading.seek(self._consumer, self._clock())
        if self._clock() >= self._commit_at:
            self._commit_at = self._clock() + self._commit_seconds
            if positions := self._offsets.to_commit():
                await self._quietly(self._consumer.commit, offsets=positions, asynchronous=True)

    async def _assigned(self, _: AIOConsumer, partitions: list[TopicPartition]) -> None:
        keys = _keys(partitions)
        self._forget(keys)
        committed = await self._committed(keys)
        leases = dict(zip(keys, self._assignments.assigned(keys), strict=True))
        self._reading.begin(leases, committed)
        self._pausing.assigned()
        self._trouble.over()

    async def _committed(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int] | None:
        """Where the group has committed, of those of which it has; None when that can't be had."""
        asked = [TopicPartition(*each) for each in keys]
        found = await self._quietly(self._consumer.committed, asked, timeout=_METADATA_SECONDS)
        if found is None or any(each.error for each in found):
            return None
        return {(each.topic, each.partition): each.offset for each in found if each.offset >= 0}

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
        self._reading.end(keys)

    async def _failed(self, error: KafkaError) -> None:
        self._trouble.note(error)

    async def _measured(self, statistics: str) -> None:
        decoded, now = decode(statistics), self._clock()
        if not self._pausing.is_on:
            self._reading.moved(decoded.moved())
        self._offsets.note_known(
            (key, known) for key, known in decoded.offsets() if key in self._reading.leases
        )
        self._silence.observe(decoded, now, fetching=not self._pausing.is_on)
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
        return {key: offset for key, offset in offsets.items() if key in self._reading.leases}

    async def _quietly(self, call: Callable[..., Awaitable[T]], *args: object, **kwargs: object) -> T | None:
        """Make a call of the consumer; what goes wrong in a way that heals or harms nobody is not raised."""
        try:
            return await call(*args, **kwargs)
        except KafkaException as raised:
            self._heed(raised)
        return None

    def _heed(self, raised: KafkaException) -> None:
        error: KafkaError = raised.args[0]
        if error.code() not in _HARMLESS:
            self._trouble.note(error)


def _keys(partitions: Iterable[TopicPartition]) -> list[tuple[str, int]]:
    return [(each.topic, each.partition) for each in partitions]
