"""Everything around the workers, and what happens to them: plays one schedule to its end."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextvars import copy_context
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaError
from msgspec import Struct, structs

from tests.simulation.api import Api
from tests.simulation.broker import Partition
from tests.simulation.chance import Chance, Jitter
from tests.simulation.director import Director
from tests.simulation.fairness import others_flow
from tests.simulation.group import Group
from tests.simulation.letters import Letters
from tests.simulation.member import CURRENT, Member
from tests.simulation.patience import Patience
from tests.simulation.registry import Registry
from tests.simulation.schedule import SLOTS
from tests.simulation.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.simulation import schedule as data
    from tests.simulation.broker import Commit
    from tests.simulation.fetching import Held
    from tests.simulation.schedule import Schedule, Slot
    from tests.support.virtual_time import Turn, VirtualLoop

_FIXED_AFTER_SECONDS: Final = 120.0
_UNANSWERED: Final = ("away", "login refused")
_REST_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.5
_SESSION_SECONDS: Final = 1.0
_SLOWEST_COMMIT_SECONDS: Final = 7.0


class Broken(Struct, frozen=True):
    """A promise that was not kept."""

    promise: str
    how: str


class World:
    """Made on the loop it is played on."""

    def __init__(self, schedule: Schedule, loop: VirtualLoop) -> None:
        self.schedule = schedule
        self.loop = loop
        self.chance = Chance(schedule.seed)
        self.jitter = Jitter(self.chance, loop.time)
        ages = (each.max_age_seconds for each in schedule.members)
        self.truth = Truth(
            self.breach, loop.time, min((each for each in ages if each is not None), default=inf)
        )
        self.partitions = [Partition(each) for each in range(schedule.partitions)]
        self.members: dict[Slot, Member] = {}
        self.everyone: list[Member] = []
        self.group = Group(self)
        self.api = Api(self)
        self.dead_letters = Letters(self)
        self.registry = Registry(self)
        self.weather: data.Weather = "fine"
        self.letters: data.Letters = "fine"
        self.kafka: data.Kafka = "fine"
        self.registry_is: data.Answers = "fine"
        self.expired = False
        self.is_fixed = False
        """Whether somebody has fixed the tracker, so that the API takes what it refused, and said that what
        cannot be mapped are bad records, whatever their number."""
        self.broken: Broken | None = None
        self.seen: Counter[str] = Counter()
        self.trace: list[tuple[float, int, tuple[Any, ...]]] = []
        self._context = copy_context()
        self._frozen: dict[Member, list[Turn]] = {}

    def breach(self, promise: str, how: str) -> None:
        """A promise is broken; the schedule ends here."""
        if self.broken is None:
            self.broken = Broken(promise, how)
            self.note("oracle", promise, how)
            if self.loop.is_running():
                self.loop.stop()

    def note(self, *what: object) -> None:
        """Write into the trace."""
        self.trace.append((self.loop.time(), self.loop.turns, what))

    def saw(self, what: str) -> None:
        """Count that the schedule came there."""
        self.seen[what] += 1

    def later(self, seconds: float, call: Callable[..., object], *args: object) -> Turn:
        """Have something happen outside of every worker."""
        return self.loop.call_later(seconds, call, *args, context=self._context)

    def check_offset(self, held: Held, offset: int, who: str) -> None:
        at = held.partition
        self.truth.check_offset(at.number, at.log, offset, who, held.told_term)

    def commit(
        self, member: Member, number: int, commits: Sequence[Commit]
    ) -> asyncio.Future[KafkaError | None]:
        """Send offsets to the broker; the future has what it says."""
        draw = self.chance.draw("commit", member.name, number)
        seconds = draw.pick(
            (1.0, 4.0, _SLOWEST_COMMIT_SECONDS) if self.kafka == "commits slow" else (0.0, 0.01, 0.1)
        )
        said: asyncio.Future[KafkaError | None] = self.loop.create_future()
        # One connection to the coordinator: what was sent first arrives first.
        at = max(self.loop.time() + seconds, member.commits_arrive_at)
        member.commits_arrive_at = at
        self.later(at - self.loop.time(), self._arrives, member, commits, draw.part(), said)
        return said

    async def play(self) -> None:
        """All steps; then all faults end, and everything has to come to its end."""
        director = Director(self)
        for slot in SLOTS[: self.schedule.at_start]:
            self.start(slot, slot)
        self.group.give(self.partitions)
        for step in self.schedule.steps:
            self.later(step.at, director.act, step)
        await asyncio.sleep((self.schedule.steps[-1].at if self.schedule.steps else 0.0) + 1.0)
        await self._end()

    def start(self, slot: Slot, name: str) -> Member:
        """A new worker in a slot."""
        settings = self.schedule.members[SLOTS.index(slot)]
        if self.is_fixed:
            settings = structs.replace(settings, hold_after_unmappable=None)
        member = Member(self, name, slot, settings)
        self.members[slot] = member
        self.everyone.append(member)
        member.task.add_done_callback(partial(self._ended, member), context=self._context)
        return member

    def freeze(self, member: Member, seconds: float) -> None:
        """Stop the process, and let it go on after so long."""
        self._frozen.setdefault(member, [])
        self.loop.keep_back = self._keep_back
        self.later(seconds, self.thaw, member, seconds)

    def is_frozen(self, member: Member) -> bool:
        return member in self._frozen

    def thaw(self, member: Member, seconds: float) -> None:
        member.frozen(seconds)
        self.loop.ready.extend(self._frozen.pop(member, ()))
        if not self._frozen:
            self.loop.keep_back = None

    def _keep_back(self, turn: Turn) -> bool:
        member = turn.context.get(CURRENT)
        kept = None if member is None else self._frozen.get(member)
        if kept is None:
            return False
        kept.append(turn)
        return True

    def _arrives(
        self, member: Member, commits: Sequence[Commit], luck: float, said: asyncio.Future[KafkaError | None]
    ) -> None:
        error = None
        if self.kafka == "commits fail" and luck < 0.7:
            self.saw("a commit that failed")
            error = KafkaError(KafkaError.REQUEST_TIMED_OUT)
        elif any(each.is_fenced() for each in commits):
            self.saw("a commit that was fenced")
            error = KafkaError(KafkaError.ILLEGAL_GENERATION)
        if error is None or error.code() == KafkaError.ILLEGAL_GENERATION:
            self._take(member, [each for each in commits if not each.is_fenced()])
        if error is None and self.kafka == "acknowledgements lost" and luck < 0.5:
            self.saw("a commit whose acknowledgement was lost")
            error = KafkaError(KafkaError.REQUEST_TIMED_OUT)
        if not said.done():
            said.set_result(error)

    def _take(self, member: Member, commits: Sequence[Commit]) -> None:
        for each in commits:
            self.note("broker", "has", each.partition.number, each.offset, "of", member.name)
            each.take_over(self.truth, member.name)

    def _ended(self, member: Member, task: asyncio.Task[None]) -> None:
        if member.is_dead:
            return
        if task.cancelled() or task.exception() is not None:
            self.breach("the worker does not crash", f"{member.name}: {_causes(task.exception())}")
        elif (wrong := member.ended()) is not None:
            self.breach("the drain ends in time", wrong)
        self.note(member.name, "has ended")
        self.later(0.0 if member.consumer.is_closed else _SESSION_SECONDS, self.group.left, member)

    async def _end(self) -> None:
        self._calm()
        if self.registry_is in _UNANSWERED:
            await others_flow(self)
        self.note("the registry is fine")
        self.registry_is = "fine"
        patience = self.patience()
        fixed_at = self.loop.time() + _FIXED_AFTER_SECONDS
        while not self._is_all_done():
            self.have_a_member()
            await asyncio.sleep(_LOOK_SECONDS)
            if self.loop.time() >= fixed_at and not self.is_fixed:
                self.saw("poison that had to be fixed")
                self.is_fixed = True
            if self.is_fixed:
                self._restart_who_holds()
            if patience.is_over(self.loop.time(), self.what_moves()):
                self.breach("no schedule ends stuck", self._where_it_stands())
        await asyncio.sleep(_REST_SECONDS)
        self._check_rest()
        await self._stop_all()

    def _calm(self) -> None:
        """All faults end, but those of the registry."""
        self.note("all faults end")
        self.weather, self.letters, self.kafka, self.expired = "fine", "fine", "fine", False
        self.loop.forget_alarms()
        for member in list(self._frozen):
            self.thaw(member, 0.0)
        self.group.tell_all()

    def patience(self) -> Patience:
        """For what is left to do now."""
        events = sum(each.events_to_commit() for each in self.partitions)
        slowest = min(each.requests_per_second for each in self.schedule.members)
        return Patience(self.loop.time(), events, slowest / len(self.partitions))

    def what_moves(self) -> object:
        """Another, whenever anything is done."""
        settled = sum(each.oracle.held.settled_so_far for each in self.everyone)
        return settled, [each.committed for each in self.partitions]

    def have_a_member(self) -> None:
        """Start one if there is none that can do what is left."""
        if not any(each.is_member() and not each.is_stopping for each in self.members.values()):
            self.group.joined(self.start(SLOTS[0], f"{SLOTS[0]}, the last"))

    def _restart_who_holds(self) -> None:
        """What a worker holds for want of a mapping goes on with another configuration."""
        for member in self.members.values():
            if member.is_member() and not member.is_stopping and member.worker.quarantine.holds():
                self.saw("a restart of a worker that held what it could not map")
                member.terminate()

    def _is_all_done(self) -> bool:
        # What retention has deleted meanwhile may still be on its way.
        in_hand = any(each.oracle.held.count for each in self.members.values() if each.is_member())
        return not in_hand and all(each.is_done() for each in self.partitions)

    def _check_rest(self) -> None:
        for record in self.truth.all():
            if record.owed:
                self.breach("nothing is lost", f"{record!r} is committed and was never done with")
        for member in self.members.values():
            if member.is_member() and (unrest := member.rest()) is not None:
                self.breach("what is done with takes no memory", unrest)

    async def _stop_all(self) -> None:
        alive = [each for each in self.everyone if each.is_member()]
        for member in alive:
            if not member.is_stopping:
                member.terminate()
        await asyncio.gather(*(each.task for each in self.everyone), return_exceptions=True)
        await asyncio.sleep(0)
        if left := [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]:
            self.breach("the worker ends whole", f"{len(left)} of its tasks are left")

    def _where_it_stands(self) -> str:
        holds = [hold.kind for each in self.members.values() for hold in each.worker.permits.breaker.holds]
        stands = ", ".join(
            f"partition {each.number} of {each.owner.name if each.owner else 'nobody'} at {each.committed}"
            for each in self.partitions
            if not each.is_done()
        )
        return f"{stands or 'all committed, something in hand'}; holds: {holds}"


def _causes(error: BaseException | None) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_causes(each) for each in error.exceptions)
    return repr(error)
