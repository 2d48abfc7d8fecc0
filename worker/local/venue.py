"""Where the demo's records come from: an embedded Kafka, or a stand-in for Kinesis."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import Struct

from worker.local.kafka import EmbeddedKafka
from worker.local.topics import Letter, TopicFeed, TopicWatch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from worker.local.traffic import TopicRecord

NAME: Final = "interactions"
DEAD_LETTERS: Final = "interactions.dead-letters"
GROUP: Final = "personalize-worker"


class Keys(Struct, frozen=True):
    """The keys that the worker signs its calls with."""

    access_key: str
    secret_key: str


class Venue(Protocol):
    """A stream of records, and the place of dead letters, for as long as the ``async with`` block."""

    async def __aenter__(self) -> Self:
        """Make it ready to take records."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""

    def settings(self) -> dict[str, Any]:
        """Return the part of the worker's configuration that says where records come from."""

    def put(self, records: Sequence[TopicRecord]) -> None:
        """Take records, in order."""

    async def finish(self) -> None:
        """Return once all records are there."""

    async def letters_written(self) -> int:
        """Count the dead letters."""

    async def letters(self) -> list[Letter]:
        """Return all dead letters."""

    async def uncommitted(self) -> int:
        """Count the records, or shards, that the worker has not committed to their end."""

    def reshard(self) -> None:
        """Split or merge, where that can be done."""


class KafkaVenue:
    """An embedded Kafka; implements ``Venue``.

    Args:
        partitions: how many the topic has.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._stack = ExitStack()

    async def __aenter__(self) -> Self:
        """Start the brokers.

        Raises:
            KafkaUnavailable: the client library brings none, or it does not start.
        """
        kafka = self._stack.enter_context(EmbeddedKafka({NAME: self._partitions, DEAD_LETTERS: 1}))
        self._servers = kafka.bootstrap_servers
        self._watch = self._stack.enter_context(closing(TopicWatch(self._servers, GROUP)))
        self._feed = TopicFeed(self._servers, NAME)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop them."""
        await asyncio.to_thread(self._stack.close)

    def settings(self) -> dict[str, Any]:
        """Name brokers, topic and group."""
        return kafka_settings(self._servers)

    def put(self, records: Sequence[TopicRecord]) -> None:
        """Produce records."""
        self._feed.put(records)

    async def finish(self) -> None:
        """Return once the broker has all records."""
        await asyncio.to_thread(self._feed.finish)

    async def letters_written(self) -> int:
        """Count the records of the dead-letter topic."""
        return await asyncio.to_thread(self._watch.length, DEAD_LETTERS)

    async def letters(self) -> list[Letter]:
        """Read the dead-letter topic."""
        return await asyncio.to_thread(self._watch.letters, DEAD_LETTERS)

    async def uncommitted(self) -> int:
        """Count the records behind the group's offsets."""
        return await asyncio.to_thread(self._watch.uncommitted, NAME)

    def reshard(self) -> None:
        """Do nothing: the partitions of a topic stay."""


def kafka_settings(bootstrap_servers: str) -> dict[str, Any]:
    """Return the part of a worker's configuration that is about the embedded Kafka."""
    return {
        "kafka": {
            "bootstrap_servers": bootstrap_servers,
            "topics": [NAME],
            "group_id": GROUP,
            # Whatever was delivered since the last commit is repeated after the kill.
            "commit_seconds": 1.0,
            # How long until a killed member is noticed; a rebalance of the embedded Kafka takes about as
            # long again.
            "client": {"session.timeout.ms": 2000, "heartbeat.interval.ms": 500},
        },
        "dead_letters": {"topic": DEAD_LETTERS},
    }
