"""Commits offsets by name, and notes what came of it; reads what is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from worker.core.model.boundary import Before
from worker.core.model.partition import Partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from confluent_kafka.aio import AIOConsumer

    from worker.ports import RebalanceListener
    from worker.sources.kafka.state import KafkaState

# In a rebalance, which waits for it, and in a drain. What can't be had by then is requested again.
_BEGIN_SECONDS: Final = 2.0
# Errors that a commit may meet without anything being wrong: the partition is not ours now.
_HARMLESS: Final = {
    KafkaError._STATE,  # noqa: SLF001  librdkafka's own codes begin with an underscore
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.FENCED_MEMBER_EPOCH,
    KafkaError.STALE_MEMBER_EPOCH,
}


class Commits:
    """Those of the partitions that are ours.

    Args:
        known: the current knowledge about Kafka.
        listener: is told how far the broker has confirmed.
    """

    def __init__(self, known: KafkaState, listener: RebalanceListener) -> None:
        self._known = known
        self._listener = listener

    async def read(self, consumer: AIOConsumer, keys: Sequence[Partition]) -> dict[Partition, int] | None:
        """Return the committed offsets of the partitions that have one; None when they can't be had."""
        asked = [TopicPartition(*each) for each in keys]
        try:
            found = await consumer.committed(asked, timeout=_BEGIN_SECONDS)
        except KafkaException as raised:
            if (error := raised.args[0]).code() not in _HARMLESS:
                self._known.trouble.note(error)
            return None
        if any(each.error for each in found):
            return None
        return {key_of(each): each.offset for each in found if each.offset >= 0}

    async def send(
        self, consumer: AIOConsumer, positions: list[TopicPartition], *, asynchronous: bool
    ) -> None:
        """Commit these; if it is asynchronous, ``told`` hears later what came of it."""
        try:
            done = await consumer.commit(offsets=positions, asynchronous=asynchronous)
        except KafkaException as raised:
            await self.told(raised.args[0], positions)
        else:
            await self.told(None, done or [])

    async def told(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Note what came of a commit."""
        done = {}
        for each in partitions:
            key = key_of(each)
            if (failed := error or each.error) is None:
                done[key] = each.offset
                continue
            self._known.offsets.note_failed([key])
            if failed.code() not in _HARMLESS and key in self._known.reading.assignments:
                self._known.trouble.commit_failed(failed, [key])
        self._known.committed(self.of_ours(done))
        if done:
            self._listener.committed({key: Before(offset) for key, offset in done.items()})

    def of_ours(self, offsets: Mapping[Partition, int]) -> dict[Partition, int]:
        """Return those of partitions that are ours."""
        return {key: offset for key, offset in offsets.items() if key in self._known.reading.assignments}


def keys_of(partitions: Iterable[TopicPartition]) -> list[Partition]:
    """Return the partitions that librdkafka speaks of."""
    return [key_of(each) for each in partitions]


def key_of(at: TopicPartition) -> Partition:
    """Return the partition of a position."""
    return Partition(at.topic, at.partition)
