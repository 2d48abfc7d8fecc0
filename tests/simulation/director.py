"""Does what the steps of a schedule say."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from tests.simulation.schedule import (
    Api,
    Brokers,
    Crash,
    Credentials,
    Cut,
    DeadLetters,
    Expire,
    Freeze,
    Join,
    Lose,
    Move,
    Produce,
    Recreate,
    Registry,
    Renew,
    Rewind,
    Terminate,
)
from tests.simulation.truth import Part, Written

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.member import Member
    from tests.simulation.schedule import Slot, Step
    from tests.simulation.world import World

_SESSION_SECONDS: Final = 3.0


class Director:
    """Of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def act(self, step: Step) -> None:  # noqa: C901, PLR0912  a table of steps
        """One step."""
        world = self._world
        world.note("director", step)
        world.saw(type(step).__name__)
        match step:
            case Produce():
                self._produce(step)
            case Api():
                world.weather = step.weather
            case Credentials():
                world.expired = step.expired
            case DeadLetters():
                world.letters = step.state
            case Registry():
                world.registry_is = step.state
            case Brokers():
                world.kafka = step.state
            case Move():
                world.group.move(step.partitions, step.to)
            case Lose():
                world.group.lose(step)
            case Rewind():
                self._rewind(step.partition)
            case Recreate():
                self._recreate()
            case Cut():
                self._cut(step)
            case Expire():
                partition = world.partitions[step.partition]
                partition.expire(partition.start + (len(partition.log) - partition.start) // 2)
            case Crash():
                self._at_turn(step.turns, partial(self._crash, step))
            case Terminate():
                self._at_turn(step.turns, partial(self._terminate, step))
            case Freeze():
                self._at_turn(step.turns, partial(self._freeze, step))
            case Join():
                self._join(step.slot, step.id)
            case Renew():
                self._at_turn(step.turns, partial(self._renew, step.slot))

    def _at_turn(self, turns: int, call: Callable[[], None]) -> None:
        if turns:
            self._world.loop.at_turn(self._world.loop.turns + turns, call)
        else:
            call()

    def _produce(self, step: Produce) -> None:
        for place, event in enumerate(step.events):
            record = Written(
                f"{step.id}.{place}", event.kind, event.session, event.user, self._world.loop.time()
            )
            record.parts = tuple(
                Part(record, index, each.kind, each.session, each.user, record.at)
                for index, each in enumerate(event.elements)
            )
            record.schema = event.schema
            if event.schema:
                self._world.registry.produced_with(event.schema)
            if record.parts:
                self._world.saw("a record that holds several events")
            partition = self._world.partitions[event.partition]
            partition.append(record, event.gap)
            self._world.truth.produced(record)
        self._wake_all()

    def _wake_all(self) -> None:
        for member in self._world.members.values():
            member.consumer.wake()

    def _rewind(self, partition: int) -> None:
        for member in self._world.members.values():
            if (held := member.consumer.held.get(partition)) is not None:
                held.rewind()
        self._wake_all()

    def _recreate(self) -> None:
        for each in self._world.partitions:
            each.recreate()
            self._world.truth.begins_anew(each.number)
        self._wake_all()

    def _cut(self, step: Cut) -> None:
        world = self._world
        partition = world.partitions[step.partition]
        if any(each.is_member() and each.oracle.held.owed({step.partition}) for each in world.everyone):
            world.saw("a cut while records are held")
        partition.cut(partition.place_of(step.share_kept), world.loop.time() + step.heard_after)
        world.truth.was_cut(step.partition)
        self._wake_all()

    def _crash(self, step: Crash) -> None:
        member = self._of(step.slot)
        if member is None:
            return
        world = self._world
        world.note(member.name, "is killed")
        world.saw("a crash")
        if member.oracle.under_way.total():
            world.saw("a crash with calls under way")
        member.crash()
        if world.is_frozen(member):
            world.thaw(member, 0.0)
        world.later(step.noticed_after, world.group.left, member)
        self._restart(step.slot, step.id, step.restart_after)

    def _terminate(self, step: Terminate) -> None:
        member = self._of(step.slot)
        if member is None or member.is_stopping or self._world.is_frozen(member):
            return
        self._world.note(member.name, "gets SIGTERM")
        self._world.saw("a SIGTERM")
        if member.oracle.held.count:
            self._world.saw("a SIGTERM with records unsettled")
        member.terminate()
        # Its slot is free: a deployment starts the next beside it.
        self._restart(step.slot, step.id, step.restart_after)

    def _freeze(self, step: Freeze) -> None:
        member = self._of(step.slot)
        if member is None or self._world.is_frozen(member):
            return
        self._world.note(member.name, "is stopped for", step.seconds)
        self._world.saw("a process that was stopped")
        self._world.freeze(member, step.seconds)
        if step.seconds > _SESSION_SECONDS:
            self._world.later(_SESSION_SECONDS, self._world.group.kick, member)

    def _join(self, slot: Slot, number: int) -> None:
        if self._of(slot) is None:
            self._world.saw("a member that joined")
            self._world.group.joined(self._world.start(slot, f"{slot}{number}"))

    def _renew(self, slot: Slot) -> None:
        member = self._of(slot)
        if member is not None and not self._world.is_frozen(member):
            member.renew()

    def _restart(self, slot: Slot, number: int, after: float | None) -> None:
        if after is not None:
            self._world.later(after, self._join_if_left, slot, number)

    def _join_if_left(self, slot: Slot, number: int) -> None:
        member = self._of(slot)
        if member is None or member.is_stopping:
            self._world.saw("a member that joined")
            self._world.group.joined(self._world.start(slot, f"{slot}{number}"))

    def _of(self, slot: Slot) -> Member | None:
        member = self._world.members.get(slot)
        return member if member is not None and member.is_member() else None
