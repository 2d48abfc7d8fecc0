"""The table in memory: conditional writes, and calls that are slow, refused, or lose their answers."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, TypeAlias

from worker.sources.kinesis.ports import Conflict, TableFault, Written

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.leases.world import World
    from worker.core.leases.lease import Lease

TIMEOUT_SECONDS = 3.0
Answer: TypeAlias = "tuple[Lease, ...] | Written | Conflict"


class SharedTable:
    """The rows."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.rows: dict[str, Lease] = {}

    def scan(self) -> tuple[Lease, ...]:
        return tuple(self.rows.values())

    def create(self, who: str, lease: Lease) -> Written | Conflict:
        if lease.key in self.rows:
            return Conflict(self.rows[lease.key])
        self._world.oracle.created(who, lease)
        self.rows[lease.key] = lease
        return Written(lease)

    def replace(self, who: str, before: Lease, after: Lease) -> Written | Conflict:
        row = self.rows.get(before.key)
        if row is None or (row.counter, row.owner) != (before.counter, before.owner):
            return Conflict(row)
        self._world.oracle.written(who, row, after)
        self.rows[after.key] = after
        return Written(after)

    def delete(self, who: str, lease: Lease) -> Written | Conflict:
        row = self.rows.get(lease.key)
        if row is None or row.counter != lease.counter:
            return Conflict(row)
        self._world.oracle.deleted(who, row)
        return Written(self.rows.pop(lease.key))


class TableOf:
    """The table as one worker reaches it."""

    def __init__(self, world: World, who: str, place: int | None) -> None:
        self._world = world
        self._who = who
        self._place = place
        self._calls = 0

    async def scan(self) -> tuple[Lease, ...] | TableFault:
        answer = await self._call(self._world.table.scan)
        assert isinstance(answer, tuple | TableFault)
        if isinstance(answer, tuple):
            self._world.oracle.read[self._who].update((row.key, row) for row in answer)
        return answer

    async def create(self, lease: Lease) -> Written | Conflict | TableFault:
        return await self._write(lambda: self._world.table.create(self._who, lease))

    async def replace(self, before: Lease, after: Lease) -> Written | Conflict | TableFault:
        return await self._write(lambda: self._world.table.replace(self._who, before, after))

    async def delete(self, lease: Lease) -> Written | Conflict | TableFault:
        return await self._write(lambda: self._world.table.delete(self._who, lease))

    async def _write(self, apply: Callable[[], Answer]) -> Written | Conflict | TableFault:
        answer = await self._call(apply)
        assert not isinstance(answer, tuple)
        return answer

    async def _call(self, apply: Callable[[], Answer]) -> Answer | TableFault:
        """What reaches the table takes effect, whether or not anybody still waits for the answer."""
        self._calls += 1
        world, draw = self._world, self._world.chance.draw("call", self._who, self._calls)
        kind = world.fault_of_table(self._place)
        answered: asyncio.Future[Answer | TableFault] = asyncio.get_running_loop().create_future()
        there = 0.002 + 0.03 * draw.part()
        back = 0.002 + 0.03 * draw.part()
        if kind == "slow":
            there, back = draw.part() * 6, draw.part() * 3
        is_lost = kind == "answers lost" and draw.luck(0.6)

        def answer(what: Answer | TableFault) -> None:
            if not answered.done():
                answered.set_result(what)

        def arrive() -> None:
            what = apply()
            if answered.done():
                world.saw("a write that came late")
            if is_lost:
                world.saw("an answer of the table that was lost")
            else:
                world.loop.call_later(back, answer, what, context=Context())

        if kind == "away" or (kind == "throttled" and draw.luck(0.7)):
            world.saw(f"a table that is {kind}")
            world.loop.call_later(back, answer, TableFault(kind), context=Context())
        else:
            world.loop.call_later(there, arrive, context=Context())
            world.loop.call_later(TIMEOUT_SECONDS, answer, TableFault("timeout"), context=Context())
        return await answered
