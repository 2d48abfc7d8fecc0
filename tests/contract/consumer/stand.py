"""What a statement is tried on: a topic, a group, and somebody who can do to the topic what brokers do.

A stand is one of three subjects: the simulated consumer, librdkafka on its mock cluster, librdkafka on real
brokers. Each makes readers of its own kind; the waiting is the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from asyncio import get_running_loop, sleep
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from tests.contract.consumer.reader import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

Protocol: TypeAlias = Literal["cooperative", "eager", "consumer"]
"""How the group shares its partitions: the two of the classic protocol, and KIP-848."""
Reset: TypeAlias = Literal["earliest", "latest", "error"]

PATIENCE_SECONDS: Final = 60.0
# After so long without it, a record that flows would have come.
QUIET_SECONDS: Final = 1.5


class Stand(ABC):
    """A topic of some partitions, and the readers of one group."""

    topic: str
    seconds_of_silence: float = QUIET_SECONDS

    def __init__(self, protocol: Protocol, reset: Reset, partitions: int) -> None:
        self.protocol: Protocol = protocol
        self.reset: Reset = reset
        self.partitions = partitions
        self.readers: list[Reader] = []

    @abstractmethod
    async def open(self) -> None:
        """Make the topic."""

    @abstractmethod
    async def write(self, partition: int, *names: str) -> None:
        """Append records of these names."""

    @abstractmethod
    async def write_doomed(self, partition: int, *names: str) -> None:
        """Append records that the leader alone will ever have."""

    @abstractmethod
    async def cut(self) -> None:
        """An unclean election: what was written as doomed is lost, and all that was written after it."""

    @abstractmethod
    async def expire(self, partition: int, start: int) -> None:
        """Retention: the log begins at ``start`` from now on."""

    @abstractmethod
    async def recreate(self) -> None:
        """The topic is deleted and made anew."""

    async def delete(self) -> None:
        """The topic is deleted."""
        raise NotImplementedError

    async def add_partition(self) -> None:
        """The topic has one more."""
        raise NotImplementedError

    @abstractmethod
    async def committed(self, partition: int = 0) -> int | None:
        """What the group has committed."""

    @abstractmethod
    async def commit_from_outside(self, partition: int, offset: int) -> None:
        """As an operator does while the group has no members."""

    @abstractmethod
    async def _connect(self, reader: Reader, *, impatient: bool) -> None:
        """Open it on a consumer of this subject's kind."""

    @abstractmethod
    async def out_of_sight(self, reader: Reader) -> None:
        """It does not poll for so long that the group gives its partitions up."""

    async def reader(self, name: str = "a", *, impatient: bool = False) -> Reader:
        """Another member; partitions come once it polls. Who is impatient is out soon when it does not."""
        reader = Reader(name, self.topic)
        self.readers.append(reader)
        await self._connect(reader, impatient=impatient)
        return reader

    async def until(self, so: Callable[[], bool]) -> None:
        """Have everybody poll until it is so."""
        loop = get_running_loop()
        end = loop.time() + PATIENCE_SECONDS
        while not so():
            if loop.time() > end:
                raise TimeoutError(self.tell())
            await self._turn(None)

    async def quietly(self) -> None:
        """Have everybody poll until whatever is on its way must have come."""
        loop = get_running_loop()
        end = loop.time() + self.seconds_of_silence
        while loop.time() < end:
            await self._turn(None)

    async def unpolled(self, reader: Reader) -> None:
        """Let everything happen that happens while this one does not poll."""
        loop = get_running_loop()
        end = loop.time() + self.seconds_of_silence
        while loop.time() < end:
            await self._turn(reader)
            await sleep(0.05)

    async def until_position(self, reader: Reader, position: int) -> None:
        loop = get_running_loop()
        end = loop.time() + PATIENCE_SECONDS
        while await reader.position() != position:
            if loop.time() > end:
                raise TimeoutError(self.tell())
            await self._turn(None)

    async def take(self, reader: Reader, records: int) -> None:
        """Have one reader be handed exactly so many records in all, whatever was fetched ahead."""
        loop = get_running_loop()
        end = loop.time() + PATIENCE_SECONDS
        while not await reader.take(records):
            if loop.time() > end:
                raise TimeoutError(self.tell())

    async def all_to(self, reader: Reader) -> None:
        await self.until(lambda: len(reader.owned) == self.partitions)

    async def leave(self, reader: Reader) -> None:
        """Close it while the others poll."""
        closing = get_running_loop().create_task(reader.close())
        await self.until(closing.done)
        closing.result()
        self.readers.remove(reader)

    def tell(self) -> str:
        return "; ".join(
            f"{each.name} owns {sorted(each.owned)}, was told {each.told}, got {each.got[-3:]}, "
            f"heard {each.errors[-3:]}"
            for each in self.readers
        )

    async def _turn(self, but: Reader | None) -> None:
        for each in self.readers:
            if each is not but and each.is_open:
                await each.turn()

    async def close(self) -> None:
        for each in self.readers:
            await each.close()


Run: TypeAlias = "Callable[[Stand], Coroutine[object, object, None]]"


@asynccontextmanager
async def closing(stand: Stand) -> AsyncIterator[Stand]:
    """Close its readers, whatever happens."""
    try:
        yield stand
    finally:
        await stand.close()
