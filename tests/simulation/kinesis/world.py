"""Everything around the workers, and what happens to them: plays one schedule to its end."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextvars import copy_context
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.api import Api
from tests.simulation.chance import Chance, Jitter
from tests.simulation.kinesis.director import Director
from tests.simulation.kinesis.edge import Edge
from tests.simulation.kinesis.lease_oracle import SHARD_END, LeaseOracle, position_in
from tests.simulation.kinesis.member import STREAM, TABLE, KinesisMember
from tests.simulation.kinesis.schedule import SLOTS
from tests.simulation.kinesis.truth import StreamTruth
from tests.simulation.letters import Letters
from tests.simulation.member import CURRENT
from tests.simulation.world import Broken, _causes
from tests.support.kinesis_cloud import Cloud
from tests.support.stage import EPOCH_SECONDS
from worker.local.kinesis.behaviour import Behaviour

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.simulation import schedule as data
    from tests.simulation.kinesis.schedule import Member, Schedule, Slot, StreamState, TableState
    from tests.support.virtual_time import Turn, VirtualLoop
    from worker.local.kinesis.shards import Shard

_SETTLE_SECONDS: Final = 900.0
_FIXED_AFTER_SECONDS: Final = 120.0
_REST_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 1.0
_WEEK_SECONDS: Final = 7 * 24 * 3600.0


class World:
    """Made on the loop it is played on."""

    def __init__(self, schedule: Schedule, loop: VirtualLoop) -> None:
        self.schedule = schedule
        self.loop = loop
        self.chance = Chance(schedule.seed)
        self.jitter = Jitter(self.chance, loop.time)
        self.truth = StreamTruth(self.breach, loop.time, inf)
        behaviour = Behaviour(
            retention_seconds=_WEEK_SECONDS,
            end_apart=schedule.end_apart,
            update_seconds=schedule.reshard_seconds,
        )
        self.cloud = Cloud(lambda: EPOCH_SECONDS + loop.time(), behaviour)
        self.stream = self.cloud.streams.create(STREAM, schedule.shards)
        self.table = self.cloud.lease_table(TABLE)
        self.edge = Edge(self)
        self.leases = LeaseOracle(self)
        self.members: dict[Slot, KinesisMember] = {}
        self.everyone: list[KinesisMember] = []
        self.api = Api(self)  # type: ignore[arg-type]  # a world of another source
        self.dead_letters = Letters(self)  # type: ignore[arg-type]  # a world of another source
        self.weather: data.Weather = "fine"
        self.letters: data.Letters = "fine"
        self.expired = False
        self.is_fixed = False
        self.is_over = False
        """Whether no worker starts any more."""
        self.stream_state: StreamState = "fine"
        self._tables_are: list[tuple[float, TableState, Slot | None]] = []
        self.broken: Broken | None = None
        self.seen: Counter[str] = Counter()
        self.trace: list[tuple[float, int, tuple[Any, ...]]] = []
        self._context = copy_context()
        self._frozen: dict[KinesisMember, list[Turn]] = {}
        self.log: list[Any] = []
        """The one log of a session's records, in whatever shards they stand."""

    def member(self, slot: Slot) -> Member:
        return self.schedule.members[SLOTS.index(slot)]

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

    # The table, as it is

    def row(self, key: str) -> Mapping[str, str] | None:
        item = self.table.items().get(key)
        return None if item is None else {name: next(iter(each.values())) for name, each in item.items()}

    def table_state(self, slot: str) -> TableState:
        now = self.loop.time()
        states = (state for until, state, whose in self._tables_are if now < until and whose in (None, slot))
        return next(states, "fine")

    def table_is(self, state: TableState, seconds: float, slot: Slot | None) -> None:
        self._tables_are.append((self.loop.time() + seconds, state, slot))

    def shards(self) -> list[Shard]:
        return list(self.stream.shards.values())

    # The play

    async def play(self) -> None:
        """All steps; then all faults end, and everything has to come to its end."""
        director = Director(self)
        for slot in SLOTS[: self.schedule.at_start]:
            self.start(slot, slot)
        for step in self.schedule.steps:
            self.later(step.at, director.act, step)
        await asyncio.sleep((self.schedule.steps[-1].at if self.schedule.steps else 0.0) + 1.0)
        await self._end()

    def start(self, slot: Slot, name: str) -> KinesisMember:
        """A new worker in a slot."""
        member = KinesisMember(self, name, slot)
        self.members[slot] = member
        self.everyone.append(member)
        member.task.add_done_callback(partial(self._ended, member), context=self._context)
        return member

    def freeze(self, member: KinesisMember, seconds: float) -> None:
        """Stop the process, and let it go on after so long."""
        self._frozen.setdefault(member, [])
        self.loop.keep_back = self._keep_back
        self.later(seconds, self.thaw, member, seconds)

    def is_frozen(self, member: KinesisMember) -> bool:
        return member in self._frozen

    def thaw(self, member: KinesisMember, seconds: float) -> None:
        if member not in self._frozen:
            return
        member.frozen(seconds)
        self.loop.ready.extend(self._frozen.pop(member, ()))
        if not self._frozen:
            self.loop.keep_back = None

    def _keep_back(self, turn: Turn) -> bool:
        member: Any = turn.context.get(CURRENT)
        kept = None if member is None else self._frozen.get(member)
        if kept is None:
            return False
        kept.append(turn)
        return True

    def _ended(self, member: KinesisMember, task: asyncio.Task[None]) -> None:
        if member.is_dead:
            return
        if task.cancelled() or task.exception() is not None:
            self.breach("the worker does not crash", f"{member.name}: {_causes(task.exception())}")
        elif (wrong := member.ended()) is not None:
            self.breach("the drain ends in time", wrong)
        member.exit()
        self.note(member.name, "has ended")

    async def _end(self) -> None:
        self._calm()
        until, fixed_at = self.loop.time() + _SETTLE_SECONDS, self.loop.time() + _FIXED_AFTER_SECONDS
        while not self._is_all_done():
            if not any(each.is_member() and not each.is_stopping for each in self.members.values()):
                self.start(SLOTS[0], f"{SLOTS[0]}, the last")
            await asyncio.sleep(_LOOK_SECONDS)
            self.is_fixed = self.is_fixed or self.loop.time() >= fixed_at
            if self.loop.time() > until:
                self.breach("no schedule ends stuck", self._where_it_stands())
        while self._unrest() is not None:
            await asyncio.sleep(_REST_SECONDS)
            if self.loop.time() > until:
                self.breach("what is done with takes no memory", str(self._unrest()))
        await self._stop_all()

    def _calm(self) -> None:
        self.note("all faults end")
        self.weather, self.letters, self.stream_state = "fine", "fine", "fine"
        self._tables_are.clear()
        self.loop.forget_alarms()
        for member in list(self._frozen):
            self.thaw(member, 0.0)

    def _is_all_done(self) -> bool:
        in_hand = any(each.oracle.held.count for each in self.members.values() if each.is_member())
        return not in_hand and self._left() is None

    def _left(self) -> str | None:
        """Something that is not done yet, or that the table does not know of."""
        if (owed := next((each for each in self.truth.all() if each.owed), None)) is not None:
            return repr(owed)
        for key, shard in self.stream.shards.items():
            row = self.row(key)
            if row is None:
                # Deleted by somebody: of a shard that is done no row is made anew.
                if not self.leases.was_deleted(key) and not shard.is_closed:
                    return f"{key} has no row"
                continue
            if shard.is_closed != (row["checkpoint"] == SHARD_END):
                return f"{key}: {dict(row)}"
            last = max(
                (each.offset for each in self.truth.of_shard(shard.number) if not each.gone), default=0
            )
            if not shard.is_closed and last > (position_in(row) or 0):
                return f"{key}: {dict(row)}"
        return None

    def _where_it_stands(self) -> str:
        holds = [(hold.kind) for each in self.members.values() for hold in each.worker.permits.breaker.holds]
        return f"{self._left() or 'something in hand'}; holds: {holds}"

    def _unrest(self) -> str | None:
        all_of = (each.rest() for each in self.members.values() if each.is_member())
        return next((unrest for unrest in all_of if unrest is not None), None)

    async def _stop_all(self) -> None:
        self.is_over = True
        for member in self.everyone:
            if member.is_member() and not member.is_stopping:
                member.terminate()
        await asyncio.gather(*(each.task for each in self.everyone), return_exceptions=True)
        await asyncio.sleep(_LOOK_SECONDS)
        if left := [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]:
            self.breach("the worker ends whole", f"{len(left)} of its tasks are left: {left[0]}")
        for member in self.everyone:
            if not member.is_dead and member.budget.held_bytes:
                self.breach("what is done with takes no memory", f"{member.name}: {member.budget.held_bytes}")
