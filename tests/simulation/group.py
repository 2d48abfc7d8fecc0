"""The coordinator of the consumer group: who gets which partition, and who hears of it when."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.broker import Partition
    from tests.simulation.consumer import Op
    from tests.simulation.member import Member
    from tests.simulation.schedule import Lose, Slot
    from tests.simulation.world import World

# Nothing is assigned in the very poll that gave it back: the member has to join first.
_JOIN_SECONDS: Final = 0.02


class Group:
    """Assigns."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._unheard: list[tuple[Member, Op]] = []

    def give(self, partitions: Iterable[Partition], to: Slot | None = None) -> None:
        """Partitions get a new owner; whoever had them is fenced from now on."""
        for heir, given in self._by_heir(partitions, to).items():
            self._have_lost(heir, given)
            assignments = {each.number: each.assignment for each in given}
            self._world.later(
                _JOIN_SECONDS, heir.consumer.tell, partial(heir.consumer.do_assign, assignments)
            )

    def move(self, partitions: Iterable[int], to: Slot) -> None:
        """Ask for partitions back, wait until they are, then give them on."""
        asked: dict[Member, dict[int, int]] = {}
        for each in map(self._world.partitions.__getitem__, partitions):
            if each.owner is not None and not each.is_moving:
                each.is_moving = True
                asked.setdefault(each.owner, {})[each.number] = each.assignment
        for owner, assignments in asked.items():
            owner.consumer.tell(partial(self._give_back, owner, assignments, to))

    def lose(self, step: Lose) -> None:
        """Give a partition to another; the old owner hears of it later."""
        partition = self._world.partitions[step.partition]
        owner, assignment = partition.owner, partition.assignment
        if owner is None:
            return
        self.give([partition], step.to)
        if partition.owner is owner:
            return  # It heard of the loss at once, for it had to join again.
        hear = owner.consumer.do_revoke if step.as_revoke else owner.consumer.do_lose
        op = partial(hear, {partition.number: assignment})
        if step.hears_after is None:
            self._world.saw("a member that does not hear of its loss")
            self._unheard.append((owner, op))
        else:
            self._world.later(step.hears_after, owner.consumer.tell, op)

    def kick(self, member: Member) -> None:
        """Its session is over: it does not poll, and hears of it when it does again."""
        lost = {each.number: each.assignment for each in self._owned(member)}
        if lost:
            self._world.saw("a session that timed out")
            self.give(self._owned(member))
            member.consumer.tell(partial(member.consumer.do_lose, lost))

    def left(self, member: Member) -> None:
        """It is no more."""
        self.give(self._owned(member))

    def joined(self, member: Member) -> None:
        """There is a new member: what nobody has is given out, of the rest it gets some."""
        self.give(each for each in self._world.partitions if each.owner is None)
        for each in self._world.partitions:
            is_its = each.owner is member or each.owner is None or each.is_moving
            if not is_its and self._world.chance.draw("joined", member.name, each.number).luck(0.5):
                self.move([each.number], member.slot)

    def tell_all(self) -> None:
        """Whoever has not heard of a loss does now."""
        for member, op in self._unheard:
            member.consumer.tell(op)
        self._unheard.clear()

    def _have_lost(self, heir: Member, given: Iterable[Partition]) -> None:
        """It may still believe that it has some of them, under an earlier assignment."""
        held = heir.consumer.held
        believed = {each.number: held[each.number].assignment for each in given if each.number in held}
        if believed:
            heir.consumer.tell(partial(heir.consumer.do_lose, believed))

    async def _give_back(self, owner: Member, assignments: dict[int, int], to: Slot) -> None:
        await owner.consumer.do_revoke(assignments)
        partitions = (self._world.partitions[number] for number in assignments)
        self.give([each for each in partitions if each.assignment == assignments[each.number]], to)

    def _owned(self, member: Member) -> list[Partition]:
        return [each for each in self._world.partitions if each.owner is member]

    def _by_heir(self, partitions: Iterable[Partition], to: Slot | None) -> dict[Member, list[Partition]]:
        given: dict[Member, list[Partition]] = {}
        for each in partitions:
            before, each.is_moving = each.owner, False
            each.assignment += 1
            each.owner = heir = self._heir(each, to, before)
            if heir is not None:
                given.setdefault(heir, []).append(each)
        return given

    def _heir(self, partition: Partition, to: Slot | None, before: Member | None) -> Member | None:
        wanted = self._world.members.get(to) if to else None
        if wanted is not None and wanted.is_member():
            return wanted
        willing = [each for each in self._world.members.values() if each.is_member() and not each.is_stopping]
        if not willing:
            return None
        others = [each for each in willing if each is not before] or willing
        return self._world.chance.draw("heir", partition.number, partition.assignment).pick(others)
