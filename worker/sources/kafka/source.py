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
worker, unless it passes: an instance id that the group has not given up yet is asked for again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from worker.core.topics import subscription
from worker.malloc import give_back
from worker.sources.kafka.client import Client
from worker.sources.kafka.client_settings import refusal_of
from worker.sources.kafka.commits import Commits, keys_of
from worker.sources.kafka.messages import how_many_more
from worker.sources.kafka.monitor import KafkaMonitor
from worker.sources.kafka.offsets import offset_of
from worker.sources.kafka.pausing import PauseControl
from worker.sources.kafka.state import KafkaState
from worker.sources.kafka.topics import METADATA_SECONDS, count_partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from confluent_kafka import Message
    from confluent_kafka.aio import AIOConsumer

    from worker.core.model.boundary import Boundary
    from worker.core.model.partition import Partition
    from worker.core.model.records import Record
    from worker.core.model.snapshot import PartitionGauges, SourceStatus
    from worker.core.offsets.assignment import Assignment
    from worker.ports import RebalanceListener
    from worker.sources.kafka.client import Callback

log = structlog.get_logger(__name__)

# How long an idle poll waits. Offsets are stored and flow is controlled between two polls.
_POLL_SECONDS: Final = 0.1
_COMMIT_SECONDS: Final = 5.0
_PURGE_SECONDS: Final = 1.0
_REJOIN_SECONDS: Final = 3.0


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
        self._renewed: tuple[dict[str, object], bool] | None = None
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
        self._listener, self._commits = listener, Commits(self._known, listener)
        self._client = self._make(self._settings)
        await self._join()

    def renew(self, settings: Mapping[str, object], *, anew: bool) -> None:
        """From the next reception on, log in as these settings say.

        Args:
            settings: librdkafka's, for a consumer.
            anew: whether that takes another consumer, because librdkafka reads certificates only when one is
                made. It leaves the group as at a shutdown, and its successor joins. Otherwise only user and
                password have changed, which count for every connection that is made from then on.
        """
        self._renewed = dict(settings), anew or (self._renewed is not None and self._renewed[1])

    async def receive(self, max_records: int) -> Sequence[Record]:
        """Return up to ``max_records`` that are there, or the first to come within a tenth of a second."""
        if self._renewed is not None:
            await self._renew(*self._renewed)
        if (since := self._known.trouble.unreleased_at) is not None and not await self._rejoined(since):
            return ()
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
        self._offsets.store(self._commits.of_ours({key: offset_of(each) for key, each in boundaries.items()}))

    async def commit(self) -> None:
        """Commit what is stored, and wait for it."""
        if positions := self._offsets.to_commit():
            await self._commits.send(self._consumer, positions, asynchronous=False)

    async def pause(self, *, for_good: bool = False) -> None:  # noqa: ARG002  the group is left at the end
        """Pause receiving, for partitions that come later too."""
        await self._pausing.turn(self._consumer, on=True)
        # librdkafka's own thread discards what was fetched ahead, soon after.
        loop = asyncio.get_running_loop()
        self._giving_back = loop.call_later(_PURGE_SECONDS, self._client.threads.submit, give_back)

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
        self._give_nothing_back()
        self._watch.questions.end()
        await self._client.close()

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

    @property
    def _consumer(self) -> AIOConsumer:
        return self._client.consumer

    def _make(self, settings: Mapping[str, object]) -> Client:
        callbacks: dict[str, Callback] = {
            "error_cb": self._failed,
            "stats_cb": self._measured,
            "on_commit": self._commits.told,
        }
        return Client(settings, callbacks)

    async def _join(self) -> None:
        told = {"on_assign": self._assigned, "on_revoke": self._revoked, "on_lost": self._lost}
        await self._client.subscribe(subscription(self._topics), **told)
        self._commit_at = self._clock() + self._commit_seconds

    async def _renew(self, settings: dict[str, object], anew: bool) -> None:  # noqa: FBT001  as it was noted
        self._renewed = None
        if not anew:
            await self._consumer.set_sasl_credentials(settings["sasl.username"], settings["sasl.password"])
        elif not await self._replaced(settings):
            return
        self._settings = settings
        self._watch.questions.renew(settings)
        log.info("kafka.login_renewed", by="another consumer" if anew else "its password")

    async def _rejoined(self, since: float) -> bool:
        """Have another consumer join when it is time; until then, nothing can come."""
        if self._clock() >= since + _REJOIN_SECONDS:
            self._known.trouble.unreleased_at = self._clock()
            return await self._replaced(self._settings)
        await asyncio.sleep(_POLL_SECONDS)
        return False

    async def _replaced(self, settings: dict[str, object]) -> bool:
        """Have another consumer take the place of this one, if librdkafka can make it."""
        try:
            successor = self._make(settings)
        except KafkaException as refusal:
            log.warning("kafka.renewal_failed", reason=refusal_of(refusal), effect="the old login is used")
            return False
        self._give_nothing_back()
        await self._client.give_way(lambda: bool(self._reading.assignments))
        # What it has not given back is nobody's now, or will be somebody else's.
        if left := list(self._reading.assignments):
            self._listener.lost(left)
            self._known.forget(left)
        self._client, self._known.trouble.unreleased_at = successor, None
        await self._join()
        return True

    def _give_nothing_back(self) -> None:
        if self._giving_back is not None:
            self._giving_back.cancel()

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
                await self._commits.send(self._consumer, positions, asynchronous=True)

    async def _assigned(self, _: AIOConsumer, partitions: list[TopicPartition]) -> None:
        keys = keys_of(partitions)
        self._known.forget(keys)
        committed = await self._commits.read(self._consumer, keys)
        assignments = dict(zip(keys, self._listener.assigned(keys), strict=True))
        self._reading.begin(assignments, committed)
        self._pausing.assigned()

    def _recounted(self) -> None:
        """Have the share recalculated: the topics have more or fewer partitions, which belong to others."""
        self._listener.assigned([])

    async def _revoked(self, _: AIOConsumer, partitions: list[TopicPartition]) -> None:
        keys = keys_of(partitions)
        await self.store(await self._listener.revoked(keys))
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self.commit()
        except TimeoutError:
            log.warning("kafka.commit_timed_out", effect="the next owner repeats what was not committed")
        self._known.forget(keys)

    async def _lost(self, _: AIOConsumer, partitions: list[TopicPartition]) -> None:
        keys = keys_of(partitions)
        self._listener.lost(keys)
        self._known.forget(keys)

    async def _failed(self, error: KafkaError) -> None:
        self._known.trouble.note(error)

    async def _measured(self, statistics: str) -> None:
        self._watch.measured(statistics, fetching=not self._pausing.is_on)
