"""The simulated consumer, in a simulated world without workers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from tests.contract.consumer.librdkafka import SESSION_MS
from tests.contract.consumer.stand import Stand
from tests.simulation.consumer import SimulatedConsumer
from tests.simulation.schedule import SLOTS, MemberSettings, Schedule
from tests.simulation.truth import Written
from tests.simulation.world import World
from tests.support.twins import TOPIC

if TYPE_CHECKING:
    from tests.contract.consumer.reader import Reader
    from tests.contract.consumer.stand import Protocol, Reset
    from tests.simulation.member import Member
    from tests.simulation.schedule import Slot
    from tests.support.virtual_time import VirtualLoop

_PLAIN: Final = MemberSettings()


class ContractWorld(World):
    """Judges nobody: what is held against librdkafka is the consumer, not a worker."""

    def breach(self, promise: str, how: str) -> None:
        """A statement may commit what it likes."""


class Bystander:
    """A member of the group without a worker."""

    def __init__(self, world: World, slot: Slot) -> None:
        self.name = self.slot = slot
        self.is_stopping = False
        self.commits_arrive_at = 0.0
        self.consumer = SimulatedConsumer(world, cast("Member", self))

    def is_member(self) -> bool:
        return not self.consumer.is_closed

    def must_live(self) -> None:
        """Nobody kills it."""

    def gives_a_consumer_up(self) -> None:
        """It has nothing that could be unsettled."""


class SimulatedStand(Stand):
    """What the worker's simulation plays on. Its groups know one way to rebalance, which serves for each."""

    # Its polls wait for seconds of virtual time.
    seconds_of_silence = 10.0

    def __init__(self, protocol: Protocol, reset: Reset, partitions: int) -> None:
        super().__init__(protocol, reset, partitions)
        self.topic = TOPIC
        members = (_PLAIN, _PLAIN, _PLAIN)
        schedule = Schedule(seed=0, partitions=partitions, members=members, at_start=0, steps=())
        self._loop = cast("VirtualLoop", asyncio.get_running_loop())
        self._world = ContractWorld(schedule, self._loop)
        self._members: dict[str, Bystander] = {}
        self._doomed_from: dict[int, int] = {}

    async def open(self) -> None:
        """It is there."""

    async def write(self, partition: int, *names: str) -> None:
        at = self._world.partitions[partition]
        for name in names:
            record = Written(name, "good", "s", "u", self._loop.time())
            at.append(record, 0)
            self._world.truth.produced(record)
        for each in self._members.values():
            each.consumer.wake()

    async def write_doomed(self, partition: int, *names: str) -> None:
        self._doomed_from[partition] = len(self._world.partitions[partition].log)
        await self.write(partition, *names)

    async def cut(self) -> None:
        for partition, place in self._doomed_from.items():
            self._world.partitions[partition].cut(place, self._loop.time())

    async def expire(self, partition: int, start: int) -> None:
        """Places are offsets here: nothing was left out."""
        self._world.partitions[partition].expire(start)

    async def recreate(self) -> None:
        for each in self._world.partitions:
            each.recreate()

    async def committed(self, partition: int = 0) -> int | None:
        return self._world.partitions[partition].committed

    async def commit_from_outside(self, partition: int, offset: int) -> None:
        self._world.partitions[partition].committed = offset

    async def _connect(self, reader: Reader, *, impatient: bool) -> None:  # noqa: ARG002  who does not poll is kicked by name
        slot = SLOTS[len(self._members)]
        member = self._members[reader.name] = Bystander(self._world, slot)
        member.consumer.calls_back({"on_commit": _hear_nothing})
        self._world.members[slot] = cast("Member", member)
        await reader.open(member.consumer)
        self._share_with(member)

    def _share_with(self, member: Bystander) -> None:
        """The first gets all, the next one a partition; under the eager protocol all are asked back."""
        unowned = [each for each in self._world.partitions if each.owner is None]
        if unowned:
            self._world.group.give(unowned)
        elif self.protocol == "eager":
            first, *others = (each.number for each in self._world.partitions)
            self._world.group.move([first], member.slot)
            self._world.group.move(others, SLOTS[0])
        else:
            self._world.group.move([0], member.slot)

    async def leave(self, reader: Reader) -> None:
        await super().leave(reader)
        self._world.group.left(cast("Member", self._members[reader.name]))

    async def out_of_sight(self, reader: Reader) -> None:
        self._world.group.kick(cast("Member", self._members[reader.name]))
        await asyncio.sleep(SESSION_MS / 1000)

    async def close(self) -> None:
        """The world ends with the loop."""


async def _hear_nothing(*_: object) -> None:
    """What came of a commit is told to who made it."""
