"""Does what the steps of a schedule say."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.simulation.kinesis.schedule import (
    Api,
    Crash,
    DeadLetters,
    DeleteRow,
    ExpireIterators,
    Freeze,
    Join,
    Merge,
    Put,
    Puts,
    Split,
    StreamIs,
    TableIs,
    Terminate,
)
from tests.simulation.truth import Written
from tests.unit.sources.kinesis.aggregates import aggregate
from worker.core.leases.positions import position_of
from worker.local.kinesis.failures import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.kinesis.member import KinesisMember
    from tests.simulation.kinesis.schedule import Slot
    from tests.simulation.kinesis.world import World
    from tests.simulation.schedule import Step


class Director:
    """Of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def act(self, step: Step) -> None:  # noqa: C901  a table of steps
        """One step."""
        world = self._world
        world.note("director", step)
        world.saw(type(step).__name__)
        match step:
            case Puts():
                self._put_all(step)
            case Api():
                world.weather = step.weather
            case DeadLetters():
                world.letters = step.state
            case StreamIs():
                world.stream_state = step.state
                world.later(step.seconds, self._stream_is_fine, step)
            case TableIs():
                world.table_is(step.state, step.seconds, step.slot)
            case Split() | Merge():
                self._reshard(step)
            case DeleteRow():
                self._delete_row(step.pick)
            case ExpireIterators():
                world.cloud.expire_iterators()
            case Crash():
                self._at_turn(step.turns, partial(self._crash, step))
            case Terminate():
                self._at_turn(step.turns, partial(self._terminate, step))
            case Freeze():
                self._at_turn(step.turns, partial(self._freeze, step))
            case Join():
                self._start(step.slot, step.id)

    def _at_turn(self, turns: int, call: Callable[[], None]) -> None:
        if turns:
            self._world.loop.at_turn(self._world.loop.turns + turns, call)
        else:
            call()

    def _put_all(self, step: Puts | Split) -> None:
        for place, record in enumerate(step.records):
            self._put(f"{step.id}.{place}", record)

    def _put(self, name: str, put: Put) -> None:
        world = self._world
        records = [
            Written(f"{name}.{place}", each.kind, f"{put.key}s{each.session}", each.user, world.loop.time())
            for place, each in enumerate(put.events)
        ]
        if put.is_aggregate:
            world.saw("an aggregate")
            data = aggregate(*((put.key.encode(), None, each.value()) for each in records))
        else:
            data = records[0].value()
        shard, sequence = world.stream.put(put.key, data)
        for place, record in enumerate(records):
            record.partition, record.offset = shard.number, position_of(sequence, place)
            record.log = world.log
            world.truth.produced(record)

    def _stream_is_fine(self, step: StreamIs) -> None:
        if self._world.stream_state == step.state:
            self._world.stream_state = "fine"

    def _reshard(self, step: Split | Merge) -> None:
        stream = self._world.stream
        shards = stream.open_shards
        if stream.status != "ACTIVE":
            return
        if isinstance(step, Split):
            self._put_all(step)
        try:
            if isinstance(step, Split):
                stream.split(shards[int(step.pick * len(shards))].id)
            elif len(shards) > 1:
                place = int(step.pick * (len(shards) - 1))
                stream.merge(shards[place].id, shards[place + 1].id)
        except AwsError:
            return

    def _delete_row(self, pick: float) -> None:
        world = self._world
        if keys := sorted(world.table.items()):
            key = keys[int(pick * len(keys))]
            world.note("somebody deletes", key, world.row(key))
            world.table.delete(key)
            world.leases.row_deleted(key)

    def _crash(self, step: Crash) -> None:
        member = self._of(step.slot)
        if member is None:
            return
        world = self._world
        world.note(member.name, "is killed")
        world.saw("a crash")
        member.crash()
        if world.is_frozen(member):
            world.thaw(member, 0.0)
        self._restart(step)

    def _terminate(self, step: Terminate) -> None:
        member = self._of(step.slot)
        if member is None or member.is_stopping or self._world.is_frozen(member):
            return
        self._world.note(member.name, "gets SIGTERM")
        if member.oracle.held.count:
            self._world.saw("a SIGTERM with records unsettled")
        member.terminate()
        self._restart(step)

    def _freeze(self, step: Freeze) -> None:
        member = self._of(step.slot)
        if member is None or self._world.is_frozen(member):
            return
        self._world.note(member.name, "is stopped for", step.seconds)
        self._world.saw("a process that was stopped")
        self._world.freeze(member, step.seconds)

    def _restart(self, step: Crash | Terminate) -> None:
        if step.restart_after is not None:
            self._world.later(step.restart_after, self._start, step.slot, step.id)

    def _start(self, slot: Slot, number: int) -> None:
        member = self._of(slot)
        if (member is None or member.is_stopping) and not self._world.is_over:
            self._world.saw("a member that joined")
            self._world.start(slot, f"{slot}{number}")

    def _of(self, slot: Slot) -> KinesisMember | None:
        member = self._world.members.get(slot)
        return member if member is not None and member.is_member() else None
