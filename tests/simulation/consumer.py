"""librdkafka's consumer as the real source sees it: ``confluent_kafka.aio.AIOConsumer``'s part of it.

Rebalances, and what came of commits, are told from within ``poll``, ``consume`` and ``close``, as there.
Messages that were fetched do not survive the loss of their partition, except the one that ``poll`` gave.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from msgspec import Struct

from tests.simulation.broker import Commit
from tests.support.stage import EPOCH_SECONDS
from tests.support.twins import TOPIC

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from tests.simulation.broker import Partition
    from tests.simulation.member import Member
    from tests.simulation.truth import Written
    from tests.simulation.world import World

    Told: TypeAlias = Callable[["SimulatedConsumer", list[TopicPartition]], Awaitable[None]]
    Op: TypeAlias = Callable[[], Awaitable[object]]

# A poll that finds nothing returns soon while something may have changed for this worker, and ever later
# while nothing does, or an idle night would take a minute to play.
_POLL_SECONDS: Final = 0.1
_MOST_POLL_SECONDS: Final = 3.2


class Message:
    """A record as confluent-kafka hands it over."""

    __slots__ = ("record", "text")

    def __init__(self, record: Written) -> None:
        self.record = record
        self.text = record.value()

    def __len__(self) -> int:
        return len(self.text)

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self.record.partition

    def offset(self) -> int:
        return self.record.offset

    def timestamp(self) -> tuple[int, int]:
        return 1, int((EPOCH_SECONDS + self.record.at) * 1000)

    def headers(self) -> None:
        return None

    def key(self) -> bytes:
        return self.record.name.encode()

    def value(self) -> bytes:
        return self.text


class Held:
    """A partition as the consumer believes to have it."""

    def __init__(self, partition: Partition, assignment: int) -> None:
        self.partition = partition
        self.assignment = assignment
        self.incarnation = partition.incarnation
        self.place = self.furthest = partition.committed_place()
        self.is_paused = False

    def take(self, most: int) -> list[Written]:
        """The next records; a partition whose log is another is read from its beginning."""
        if self.incarnation != self.partition.incarnation:
            self.incarnation, self.place, self.furthest = self.partition.incarnation, 0, 0
        begin = max(self.place, self.partition.start)
        taken = self.partition.log[begin : begin + most]
        self.place = begin + len(taken)
        self.furthest = max(self.furthest, self.place)
        return taken

    def was_cut(self) -> None:
        """The log has lost its end: who had never come so far goes on where it was."""
        read_it = self.incarnation == self.partition.incarnation - 1
        if read_it and self.furthest <= len(self.partition.log):
            self.incarnation = self.partition.incarnation

    def has_more(self) -> bool:
        is_new = self.incarnation != self.partition.incarnation
        return (
            not self.is_paused
            and bool(self.partition.log)
            and (is_new or self.place < len(self.partition.log))
        )


class _Topics(Struct):
    topics: dict[str, Any]


class _Topic(Struct):
    partitions: dict[int, None]


class SimulatedConsumer:
    """Of one worker."""

    def __init__(self, world: World, member: Member) -> None:
        self._world = world
        self._member = member
        self.held: dict[int, Held] = {}
        self._ops: deque[Op] = deque()
        self._idle: asyncio.Future[None] | None = None
        self._idle_seconds = _POLL_SECONDS
        self._fetches = self._commits = 0
        self.is_closed = False

    async def subscribe(self, _: Sequence[str], *, on_assign: Told, on_revoke: Told, on_lost: Told) -> None:
        self._on_assign, self._on_revoke, self._on_lost = on_assign, on_revoke, on_lost

    def on_commit_is(
        self, told: Callable[[KafkaError | None, list[TopicPartition]], Awaitable[None]]
    ) -> None:
        self._on_commit = told

    async def poll(self, _: float) -> Message | None:
        await self._serve()
        if not any(each.has_more() for each in self.held.values()):
            await self._wait()
            await self._serve()
        return next(iter(self._take(1)), None)

    async def consume(self, most: int, _: float) -> list[Message]:
        await asyncio.sleep(0)
        await self._serve()
        self._fetches += 1
        draw = self._world.chance.draw("fetch", self._member.name, self._fetches)
        return self._take(min(most, draw.pick((most, most, most, 3, 0))))

    async def commit(
        self, *, offsets: Sequence[TopicPartition], asynchronous: bool
    ) -> Sequence[TopicPartition] | None:
        self._member.must_live()
        commits = [self._commit(each) for each in offsets if each.partition in self.held]
        self._commits += 1
        sent = self._world.commit(self._member, self._commits, commits)
        if asynchronous:
            sent.add_done_callback(
                lambda done: self._ops.append(lambda: self._on_commit(done.result(), offsets))
            )
            return None
        if (error := await sent) is not None:
            raise KafkaException(error)
        return offsets

    async def pause(self, partitions: Iterable[TopicPartition]) -> None:
        for each in partitions:
            if each.partition in self.held:
                self.held[each.partition].is_paused = True

    async def resume(self, partitions: Iterable[TopicPartition]) -> None:
        for each in partitions:
            if each.partition in self.held:
                self.held[each.partition].is_paused = False

    async def list_topics(self, timeout: float) -> _Topics:  # noqa: ASYNC109  the consumer's protocol
        await asyncio.sleep(0.01)
        if self._world.kafka == "no metadata":
            await asyncio.sleep(timeout)
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))  # noqa: SLF001  as above
        return _Topics({TOPIC: _Topic(dict.fromkeys(range(len(self._world.partitions))))})

    async def close(self) -> None:
        await self._serve()
        if self.held:
            await self.do_revoke({each.partition.number: each.assignment for each in self.held.values()})
        self._member.must_live()
        self.is_closed = True

    def tell(self, op: Op) -> None:
        """The group has something to say; it is heard in the next poll."""
        self._ops.append(op)
        self.wake()

    def wake(self) -> None:
        """There is something to poll for."""
        self._idle_seconds = _POLL_SECONDS
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def hasten(self) -> None:
        """Something has changed for this worker: the poll that is under way returns soon."""
        self._idle_seconds = _POLL_SECONDS
        if (idle := self._idle) is not None and not idle.done():
            self._world.later(_POLL_SECONDS, _finish, idle)

    async def do_assign(self, assignments: dict[int, int]) -> None:
        """Partitions are given, each under the number of its assignment."""
        given = {p: a for p, a in assignments.items() if self._world.partitions[p].assignment == a}
        if not given:
            return  # The group has thought better of it.
        await self._on_assign(self, _positions(given))
        for number, assignment in given.items():
            self.held[number] = Held(self._world.partitions[number], assignment)
        self._world.note(self._member.name, "is assigned", *given)

    async def do_revoke(self, assignments: dict[int, int]) -> None:
        """Partitions are asked back."""
        ours = {p: a for p, a in assignments.items() if p in self.held and self.held[p].assignment == a}
        if ours:
            self._world.note(self._member.name, "gives back", *ours)
            await self._on_revoke(self, _positions(ours))
            for number in ours:
                del self.held[number]

    async def do_lose(self, assignments: dict[int, int]) -> None:
        """Partitions are somebody else's already."""
        ours = {p: a for p, a in assignments.items() if p in self.held and self.held[p].assignment == a}
        if ours:
            self._world.note(self._member.name, "hears that it lost", *ours)
            await self._on_lost(self, _positions(ours))
            for number in ours:
                del self.held[number]

    async def _serve(self) -> None:
        while self._ops:
            await self._ops.popleft()()
        self._member.must_live()

    async def _wait(self) -> None:
        seconds = _POLL_SECONDS if self._member.is_stopping else self._idle_seconds
        self._idle_seconds = min(self._idle_seconds * 2, _MOST_POLL_SECONDS)
        self._idle = asyncio.get_running_loop().create_future()
        timer = self._world.later(seconds, _finish, self._idle)
        try:
            await self._idle
        finally:
            timer.cancel()
            self._idle = None

    def _take(self, most: int) -> list[Message]:
        taken: list[Written] = []
        # Not always the same one first.
        order = sorted(self.held, key=lambda number: (number + self._fetches) % 3)
        for held in map(self.held.__getitem__, order):
            if len(taken) < most and held.has_more():
                taken += held.take(most - len(taken))
        return [Message(each) for each in taken]

    def _commit(self, position: TopicPartition) -> Commit:
        held = self.held[position.partition]
        if held.incarnation == held.partition.incarnation:
            self._world.check_offset(held.partition, position.offset, f"{self._member.name} commits")
        return Commit(held.partition, held.assignment, held.incarnation, position.offset)


def _positions(partitions: Iterable[int]) -> list[TopicPartition]:
    return [TopicPartition(TOPIC, each) for each in partitions]


def _finish(idle: asyncio.Future[None]) -> None:
    if not idle.done():
        idle.set_result(None)
