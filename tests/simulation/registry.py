"""The schema registry: has the schemas of the records, answers, or does not, or late."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias

from tests.simulation.schedule import UNREGISTERED
from worker.formats.schemas import UNKNOWN, Schema, Unknown
from worker.ports import RegistryFault

if TYPE_CHECKING:
    from tests.simulation.chance import Draw
    from tests.simulation.member import Member
    from tests.simulation.world import World
    from worker.formats.schemas import SchemaId

Told: TypeAlias = Schema | Unknown | RegistryFault

THE_SCHEMA: Final = Schema("JSON", "{}")
"""Records differ in the ids of their schemas; what those say matters to nobody here."""
_SECONDS: Final = (0.0, 0.02, 0.02, 0.3)
_SLOW_SECONDS: Final = (1.0, 3.0, 8.0)


class Registry:
    """The one registry."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._has_from: dict[int, float] = {}
        self._asked: Counter[tuple[str, SchemaId]] = Counter()

    def produced_with(self, schema: int) -> None:
        """A record is written with it, so its producer has registered it; the registry may lag behind."""
        self._has_from.setdefault(schema, self._world.loop.time() + self._world.schedule.registry_lag_seconds)

    async def fetch(self, member: Member, schema_id: SchemaId) -> Told:
        """The question, from the side of whoever asks."""
        self._asked[member.name, schema_id] += 1
        draw = self._world.chance.draw("schema", member.name, schema_id, self._asked[member.name, schema_id])
        seconds = draw.pick(_SLOW_SECONDS if self._world.registry_is == "slow" else _SECONDS)
        reply: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._world.later(seconds, self._arrives, member, schema_id, draw, reply)
        return await reply

    def _arrives(self, member: Member, schema_id: SchemaId, draw: Draw, reply: asyncio.Future[Told]) -> None:
        if reply.done():
            self._world.saw("an answer about a schema that nobody waited for any more")
            self._world.note("registry", "answers", schema_id, "to nobody at", member.name)
            return
        told = self._decide(schema_id, draw)
        self._world.note("registry", "tells", member.name, type(told).__name__, "of", schema_id)
        reply.set_result(told)

    def _decide(self, schema_id: SchemaId, draw: Draw) -> Told:
        match self._world.registry_is:
            case "away":
                return RegistryFault("ConnectionFailed")
            case "login refused":
                return RegistryFault("LoginRefused", 401)
            case "flaky" if draw.luck(0.5):
                return RegistryFault("Http503", 503)
        if schema_id == UNREGISTERED or not isinstance(schema_id, int):
            return UNKNOWN
        is_there = self._has_from.get(schema_id, self._world.loop.time()) <= self._world.loop.time()
        if not is_there:
            self._world.saw("a schema that the registry did not have yet")
        return THE_SCHEMA if is_there else UNKNOWN


class RegistryOf:
    """The registry as one worker sees it; implements ``ports.SchemaRegistry``."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self.told: set[SchemaId] = set()
        """The schemas that this worker has been given."""

    async def fetch(self, schema_id: SchemaId) -> Told:
        member = self._member
        member.must_live()
        member.world.note(member.name, "asks for schema", schema_id)
        told = await member.world.registry.fetch(member, schema_id)
        member.must_live()
        member.consumer.hasten()
        if isinstance(told, Schema):
            self.told.add(schema_id)
        return told
