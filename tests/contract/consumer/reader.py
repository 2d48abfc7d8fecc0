"""A consumer in the hands of a statement: it keeps all that it was told and all that it was handed.

The same class stands before librdkafka's consumer and before the simulated one; nothing here knows which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from confluent_kafka import TopicPartition
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from confluent_kafka import KafkaError

    WithinCallback: TypeAlias = Callable[["Reader", list[int]], Awaitable[None]]


class Read(Struct, frozen=True):
    """A record as it was handed over."""

    partition: int
    offset: int
    name: str
    leader_epoch: int


class Reader:
    """One member of the group."""

    def __init__(self, name: str, topic: str) -> None:
        self.name = name
        self.topic = topic
        self.owned: set[int] = set()
        self.told: list[tuple[str, tuple[int, ...]]] = []
        self.got: list[Read] = []
        self.errors: list[str] = []
        self.within_assign: WithinCallback | None = None
        """What the application does in ``on_assign``, beside noting it."""
        self.within_revoke: WithinCallback | None = None
        self.is_open = False

    async def open(self, consumer: Any) -> None:
        """Join the group; partitions come with ``turn``."""
        self._consumer = consumer
        await consumer.subscribe(
            [self.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )
        self.is_open = True

    async def turn(self) -> None:
        """One poll, and whatever else is there."""
        if (first := await self._consumer.poll(0.1)) is not None:
            self._note([first, *await self._consumer.consume(500, 0)])

    async def take(self, records: int) -> bool:
        """Poll, and be handed one record at most; true once so many were handed over in all."""
        if len(self.got) < records and (message := await self._consumer.poll(0.1)) is not None:
            self._note([message])
        return len(self.got) >= records

    def names(self, partition: int | None = None) -> list[str]:
        """What was handed over, in that order."""
        return [each.name for each in self.got if partition in (None, each.partition)]

    def offsets(self, partition: int = 0) -> list[int]:
        return [each.offset for each in self.got if each.partition == partition]

    async def pause(self, *partitions: int) -> None:
        await self._consumer.pause(self._named(partitions))

    async def resume(self, *partitions: int) -> None:
        await self._consumer.resume(self._named(partitions))

    async def seek(self, partition: int, offset: int, leader_epoch: int | None = None) -> None:
        to = TopicPartition(self.topic, partition, offset)
        if leader_epoch is not None:
            to = TopicPartition(self.topic, partition, offset, leader_epoch=leader_epoch)
        await self._consumer.seek(to)

    async def position(self, partition: int = 0) -> int:
        (position,) = await self._consumer.position(self._named([partition]))
        offset: int = position.offset
        return offset

    async def commit(self, offsets: Mapping[int, int]) -> None:
        await self._consumer.commit(
            offsets=[TopicPartition(self.topic, *each) for each in offsets.items()], asynchronous=False
        )

    async def close(self) -> None:
        """Leave the group."""
        if self.is_open:
            self.is_open = False
            await self._consumer.close()

    async def failed(self, error: KafkaError) -> None:
        """``error_cb``."""
        self.errors.append(error.name())

    def _note(self, messages: Sequence[Any]) -> None:
        for each in messages:
            if (error := each.error()) is not None:
                self.errors.append(error.name())
            else:
                self.got.append(
                    Read(each.partition(), each.offset(), each.key().decode(), each.leader_epoch())
                )

    async def _assigned(self, _: object, partitions: Iterable[TopicPartition]) -> None:
        numbers = self._tell("assigned", partitions)
        self.owned |= set(numbers)
        if self.within_assign is not None:
            await self.within_assign(self, numbers)

    async def _revoked(self, _: object, partitions: Iterable[TopicPartition]) -> None:
        numbers = self._tell("revoked", partitions)
        if self.within_revoke is not None:
            await self.within_revoke(self, numbers)
        self.owned -= set(numbers)

    async def _lost(self, _: object, partitions: Iterable[TopicPartition]) -> None:
        self.owned -= set(self._tell("lost", partitions))

    def _tell(self, kind: str, partitions: Iterable[TopicPartition]) -> list[int]:
        numbers = sorted(each.partition for each in partitions)
        self.told.append((kind, tuple(numbers)))
        return numbers

    def _named(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self.topic, each) for each in partitions]
