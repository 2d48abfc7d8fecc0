"""librdkafka's consumer as the real source sees it: ``confluent_kafka.aio.AIOConsumer``'s part of it.

Rebalances, what came of commits, and statistics are told from within ``poll``, ``consume`` and ``close``, as
there. Messages that were fetched do not survive the loss of their partition, except the one that ``poll``
gave. A pause belongs to the partition, not to its assignment: it is there still when that comes back.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from msgspec import Struct

from tests.simulation.broker import Commit
from tests.simulation.fetching import NO_OFFSET, Held
from tests.simulation.message import Message
from tests.support.twins import TOPIC

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from tests.simulation.member import Member
    from tests.simulation.truth import Written
    from tests.simulation.world import World

    Told: TypeAlias = Callable[["SimulatedConsumer", list[TopicPartition]], Awaitable[None]]
    Op: TypeAlias = Callable[[], Awaitable[object]]

# A poll that finds nothing returns soon while something may have changed for this worker, and ever later
# while nothing does, or an idle night would take a minute to play.
_POLL_SECONDS: Final = 0.1
_MOST_POLL_SECONDS: Final = 3.2
_ANSWER_SECONDS: Final = 5.0
_LUCK_OF_A_REVOKE: Final = 0.2


class _Topics(Struct):
    topics: dict[str, Any]


class _Topic(Struct):
    partitions: dict[int, None]


class SimulatedConsumer:
    """Of one worker."""

    def __init__(self, world: World, member: Member) -> None:
        self._world = world
        self._member = member
        self._now = world.loop.time
        self.held: dict[int, Held] = {}
        # Whatever was ever assigned stays known, with its pause.
        self._known: set[int] = set()
        self._paused: set[int] = set()
        self._ops: deque[Op] = deque()
        self._idle: asyncio.Future[None] | None = None
        self._idle_seconds = _POLL_SECONDS
        self._fetches = self._commits = 0
        self._went_back: set[int] = set()
        self.is_subscribed = self.is_closing = self.is_closed = False

    async def subscribe(self, _: Sequence[str], *, on_assign: Told, on_revoke: Told, on_lost: Told) -> None:
        self._on_assign, self._on_revoke, self._on_lost = on_assign, on_revoke, on_lost
        self.is_subscribed = True
        if self._member.consumer is not self:
            self._member.consumer = self
            # Its predecessor has left, or is thrown out when its session is over: this one is another member.
            self._world.group.left(self._member)
            self._world.group.joined(self._member)

    def calls_back(self, settings: Mapping[str, Any]) -> None:
        """What the application has set up to be told of."""
        self._on_commit = settings["on_commit"]
        self._on_statistics = settings.get("stats_cb")
        self._statistics_seconds = settings.get("statistics.interval.ms", 0) / 1000
        self._statistics_at = self._now() + self._statistics_seconds

    async def poll(self, _: float) -> Message | None:
        await self._serve()
        if not self._fetch():
            await self._wait()
            await self._serve()
            self._fetch()
        told = {number: each.told_term for number, each in self.held.items()}
        message = next(iter(self._take(1)), None)
        self._went_back = {number for number, term in told.items() if self.held[number].told_term > term}
        return message

    async def consume(self, most: int, _: float) -> list[Message]:
        await asyncio.sleep(0)
        await self._serve()
        self._fetch()
        self._fetches += 1
        draw = self._world.chance.draw("fetch", self._member.name, self._fetches)
        if self._went_back and draw.luck(_LUCK_OF_A_REVOKE):
            # By itself it hardly ever comes between the first record of a log that was cut and the next.
            self._world.group.move(self._went_back, self._member.slot)
            await self._serve()
        self._went_back.clear()
        return self._take(min(most, draw.pick((most, most, most, 3, 0))))

    async def commit(
        self, *, offsets: Sequence[TopicPartition], asynchronous: bool
    ) -> Sequence[TopicPartition] | None:
        self._member.must_live()
        commits = [self._commit(each) for each in offsets]
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
        """Without effect on partitions that were never assigned."""
        for each in partitions:
            if each.partition in self._known:
                self._paused.add(each.partition)
            if (held := self.held.get(each.partition)) is not None:
                held.pause()

    async def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Also of partitions that are not assigned now."""
        for each in partitions:
            self._paused.discard(each.partition)
            if (held := self.held.get(each.partition)) is not None:
                held.is_paused = False
        self._fetch()

    async def seek(self, to: TopicPartition) -> None:
        if to.partition not in self.held:
            raise KafkaException(KafkaError(KafkaError._STATE))  # noqa: SLF001  librdkafka's own code
        # Without an epoch it says -1, or None.
        known = to.leader_epoch is not None and to.leader_epoch >= 0
        self.held[to.partition].seek(to.offset, to.leader_epoch if known else None)

    async def position(self, partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
        held = ((each.partition, self.held.get(each.partition)) for each in partitions)
        return [TopicPartition(TOPIC, at, NO_OFFSET if one is None else one.position()) for at, one in held]

    async def committed(
        self,
        partitions: Iterable[TopicPartition],
        timeout: float = _ANSWER_SECONDS,  # noqa: ASYNC109  as below
    ) -> list[TopicPartition]:
        await self._asks_brokers(timeout)
        found = ((each.partition, self._world.partitions[each.partition].committed) for each in partitions)
        return [TopicPartition(TOPIC, at, NO_OFFSET if offset is None else offset) for at, offset in found]

    async def get_watermark_offsets(
        self,
        of: TopicPartition,
        timeout: float = _ANSWER_SECONDS,  # noqa: ASYNC109  as below
    ) -> tuple[int, int]:
        await self._asks_brokers(timeout)
        partition = self._world.partitions[of.partition]
        return partition.first_offset, partition.next_offset

    async def list_topics(self, timeout: float) -> _Topics:  # noqa: ASYNC109  the consumer's protocol
        await self._asks_brokers(timeout)
        return _Topics({TOPIC: _Topic(dict.fromkeys(range(len(self._world.partitions))))})

    async def close(self) -> None:
        await self._serve()
        self.is_closing = True
        self._member.gives_a_consumer_up()
        if self.held:
            await self.do_revoke({each.partition.number: each.assignment for each in self.held.values()})
        self._member.must_live()
        self.is_closed = True

    async def _asks_brokers(self, timeout: float) -> None:  # noqa: ASYNC109  the consumer's protocol
        await asyncio.sleep(0.01)
        self._member.must_live()
        if self._world.kafka == "no metadata":
            await asyncio.sleep(timeout)
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))  # noqa: SLF001  librdkafka's own code

    def tell(self, op: Op) -> None:
        """The group has something to say; it is heard in the next poll."""
        self._ops.append(op)
        self.wake()

    def wake(self) -> None:
        """There is something to poll for, and it is fetched whether anybody polls or not."""
        self._fetch()
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
            self.held[number] = self._hold(number, assignment)
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

    def _hold(self, number: int, assignment: int) -> Held:
        self._known.add(number)
        if is_paused := number in self._paused:
            self._world.saw("a pause that outlived its assignment")
        return Held(self._world.partitions[number], assignment, self._world.saw, is_paused=is_paused)

    def _fetch(self) -> bool:
        """Whether there is something to hand over."""
        for each in self.held.values():
            each.fetch(self._now())
        return any(each.has_more() for each in self.held.values())

    async def _serve(self) -> None:
        while self._ops:
            await self._ops.popleft()()
        if self._on_statistics is not None and self._now() >= self._statistics_at > 0:
            self._statistics_at = self._now() + self._statistics_seconds
            await self._on_statistics(self._statistics())
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
            if len(taken) < most:
                taken += held.take(most - len(taken))
        return [Message(each) for each in taken]

    def _statistics(self) -> str:
        partitions = {str(number): each.statistics() for number, each in self.held.items()}
        return json.dumps({"topics": {TOPIC: {"partitions": partitions}}})

    def _commit(self, position: TopicPartition) -> Commit:
        partition = self._world.partitions[position.partition]
        if (held := self.held.get(position.partition)) is not None:
            self._world.check_offset(held, position.offset, f"{self._member.name} commits")
            return Commit(partition, held.assignment, held.told_term, position.offset)
        # A member may commit what is another's: the broker looks at the member, not at the partition.
        is_of_the_group = any(each.assignment == each.partition.assignment for each in self.held.values())
        return Commit(
            partition, partition.assignment if is_of_the_group else -1, partition.term, position.offset
        )


def _positions(partitions: Iterable[int]) -> list[TopicPartition]:
    return [TopicPartition(TOPIC, each) for each in partitions]


def _finish(idle: asyncio.Future[None]) -> None:
    if not idle.done():
        idle.set_result(None)
