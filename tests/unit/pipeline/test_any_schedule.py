"""Whatever happens to two workers of one group, in whatever order: the promises hold.

Each seed is one schedule of produces, moves of partitions, lost sessions, crashes, stops and faults, all in
virtual time. Then the faults end, and everything must come to its end.
"""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.support.stage import Stage, crash, settings
from tests.support.twins import (
    TOPIC,
    DeadLettersTwin,
    PutEventsTwin,
    SourceTwin,
    TopicTwin,
    events,
    map_plainly,
)
from tests.support.virtual_time import in_virtual_time
from worker.assembly import Edges, assemble
from worker.core.outcomes import Accepted, Misconfigured, PassingFault, Refused, Throttled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.twins import Key
    from worker.core.outcomes import Answer
    from worker.core.records import Batch, Reason, Record
    from worker.settings import Settings

SEEDS = int(os.environ.get("ANY_SCHEDULE_SEEDS", "60"))
FIRST_SEED = int(os.environ.get("ANY_SCHEDULE_FIRST", "0"))
MAX_SETTLE_SECONDS = 4000
DRAIN_SECONDS = 8
LEAVE_SECONDS = 5
WEATHER = ("fine", "fine", "flaky", "throttled", "down", "lost answers", "refused", "denied", "bad sessions")


class Group:
    """The consumer group: who has what, and what is true of every record so far."""

    def __init__(self, chance: random.Random, partitions: int) -> None:
        self.chance = chance
        self.topic = TopicTwin(partitions)
        self.owner: dict[int, Member | None] = dict.fromkeys(range(partitions))
        self.weather = "fine"
        self.poison: set[str] = set()
        self.broken_letters = False
        self.done: dict[str, int] = {}
        """Accepted or dead-lettered events, each with its place in the order of that."""
        self.produced: dict[str, tuple[int, int, str]] = {}
        """Events by number: partition, offset, session."""
        self.values: dict[Key, dict[int, str]] = {(TOPIC, each): {} for each in range(partitions)}

    def produce(self) -> None:
        partition = self.chance.randrange(len(self.owner))
        number = str(len(self.produced))
        session = self.chance.choice(["shared", *(f"p{partition}s{n}" for n in range(4))])
        kind = self.chance.random()
        value = f"{session}/{self.chance.choice(['-', 'u', 'u', 'u', 'v'])}/{number}"
        if kind < 0.04:
            value = "skip"
        elif kind < 0.08:
            value = f"undecodable {number}"
        elif kind < 0.12:
            self.poison.add(number)
        self.topic.produce(value, partition=partition, gap=self.chance.choice([0, 0, 0, 0, 3]))
        offset = self.topic.logs[TOPIC, partition][-1][0]
        self.values[TOPIC, partition][offset] = value
        self.produced[number] = (partition, offset, session if "/" in value else "")

    def settle(self, number: str) -> None:
        self.done.setdefault(number, len(self.done))

    def check_commit(self, key: Key, committed: int) -> None:
        """Nothing below a committed offset may be unsettled, at any moment."""
        for offset, value in self.values[key].items():
            if offset < committed and value != "skip":
                number = value.replace("undecodable ", "").rpartition("/")[2]
                assert number in self.done, f"{key} committed {committed} past {offset}"

    def check_order(self) -> None:
        """Of one session's events in one partition, each was first done with after those before it."""
        last: dict[tuple[int, str], tuple[int, str]] = {}
        for number, (partition, _, session) in self.produced.items():
            if not session or number not in self.done:
                continue
            place, before = last.get((partition, session), (-1, ""))
            assert place < self.done[number], f"{session}: {number} before {before}"
            last[partition, session] = self.done[number], number


class MemberSource(SourceTwin):
    """A member that is fenced when the group has given its partition away, and revokes as it leaves."""

    def __init__(self, group: Group, member: Member) -> None:
        super().__init__(group.topic)
        self._group, self._member = group, member
        self._leaving: set[int] = set()

    async def commit(self) -> None:
        stored, self._stored = self._stored, {}
        await asyncio.sleep(self._group.chance.choice([0, 0, 0.01]))
        for key, offset in stored.items():
            if self._group.owner[key[1]] is self._member:
                self._group.check_commit(key, offset)
                self._topic.committed[key] = offset

    async def store(self, offsets: Mapping[Key, int]) -> None:
        self._stored |= {key: offset for key, offset in offsets.items() if key in self._leases}

    async def receive(self, max_records: int) -> Sequence[Record]:
        if self._stored and self._group.chance.random() < 0.3:
            await self.commit()
        return await super().receive(max_records)

    def revoke(self, *partitions: int) -> None:
        self._leaving |= set(partitions)
        super().revoke(*partitions)

    def has_let_go(self, partition: int) -> bool:
        return partition not in self._leaving

    async def _do_revoke(self, keys: list[Key]) -> None:
        offsets = await self._assignments.revoked(keys)
        await self.store(offsets)
        await self.commit()
        for key in keys:
            self._leases.pop(key, None)
            self._leaving.discard(key[1])

    async def close(self) -> None:
        if self._leases:
            await self._do_revoke(list(self._leases))
        self.closed = True


class MemberApi(PutEventsTwin):
    """The one API as one worker sees it."""

    def __init__(self, group: Group) -> None:
        super().__init__(seconds=0.05)
        self._group = group
        self.answer = self._answer

    async def put(self, batch: Batch) -> Answer:
        self.seconds = self._group.chance.choice([0.01, 0.05, 0.05, 0.3, 3.0])
        return await super().put(batch)

    def _answer(self, batch: Batch) -> Answer:
        answer = self._decide(batch)
        if isinstance(answer, Accepted):
            self._accept(batch)
        return answer

    def _decide(self, batch: Batch) -> Answer:  # noqa: PLR0911  a table of weathers
        luck = self._group.chance.random()
        match self._group.weather:
            case "flaky" if luck < 0.4:
                return PassingFault("500")
            case "throttled" if luck < 0.7:
                return Throttled("ThrottlingException", self._group.chance.choice([None, None, 2.0]))
            case "down":
                return PassingFault("ConnectionFailed")
            case "refused":
                return Refused("InvalidInputException")
            case "denied":
                return Misconfigured("AccessDeniedException")
            case "bad sessions" if batch.session_id.endswith(("s0", "s1")):
                return PassingFault("500")
        if set(events(batch)) & self._group.poison:
            return Refused("InvalidInputException")
        if self._group.weather == "lost answers" and luck < 0.4:
            self._accept(batch)
            return PassingFault("AnswerTimeout")
        return Accepted()

    def _accept(self, batch: Batch) -> None:
        for number in events(batch):
            self._group.settle(number)


class MemberLetters(DeadLettersTwin):
    """The one dead-letter topic as one worker sees it."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        self._group = group

    async def write(self, record: Record, reason: Reason, tries: int) -> None:
        self.broken = "no such topic" if self._group.broken_letters else None
        self.seconds = self._group.chance.choice([0.0, 0.01, 0.5])
        await super().write(record, reason, tries)
        self._group.settle((record.value or b"").decode().replace("undecodable ", "").rpartition("/")[2])


class MemberStage(Stage):
    """The stage, with twins that know of the group."""

    def __init__(self, conf: Settings, group: Group, member: Member) -> None:
        super().__init__(conf, group.topic)
        self.source = MemberSource(group, member)
        self.api = MemberApi(group)
        self.dead_letters = MemberLetters(group)
        edges = Edges(self.source, map_plainly, self.api, self.dead_letters, self.meter)
        self.worker = assemble(conf, edges, self.loop.time)
        self.gate = self.worker.turnstile.gate


class Member:
    """One worker of the group, as long as it lives."""

    def __init__(self, group: Group) -> None:
        chance = group.chance
        conf = settings(
            requests_per_second=chance.choice([3, 50, 1000]),
            max_in_flight=chance.choice([1, 2, 64]),
            linger_seconds=chance.choice([0, 0.2, 1.0]),
            hold_after_refusals=chance.choice([3, 20]),
            max_unsettled_records=chance.choice([10, 150, 100_000]),
            drain_seconds=DRAIN_SECONDS,
            revoke_seconds=chance.choice([0.5, 3.0]),
        )
        self.stage = MemberStage(conf, group, self)
        self.task = asyncio.create_task(self.stage.worker.flow.run())

    async def revoked(self, partition: int) -> None:
        """Have it give the partition back, and wait until it has."""
        self.stage.source.revoke(partition)
        while not (self.stage.source.has_let_go(partition) or self.task.done()):  # noqa: ASYNC110  a worker that crashed tells nobody
            await asyncio.sleep(0.1)


class Director:
    """Makes things happen."""

    def __init__(self, seed: int) -> None:
        # Tenacity's jitter comes from the module's own generator.
        random.seed(seed)
        self.chance = random.Random(seed)  # noqa: S311  a schedule, not a secret
        self.group = Group(self.chance, self.chance.choice([1, 2, 3]))
        self.members = [Member(self.group), Member(self.group)]
        self._moving: dict[int, asyncio.Task[None]] = {}

    async def play(self) -> None:
        for partition in self.group.owner:
            self._give(partition, self.chance.choice(self.members))
        for _ in range(self.chance.choice([20, 60])):
            await self._act()
            await asyncio.sleep(self.chance.choice([0, 0.01, 0.1, 0.5, 2.0, 15.0]))
            for member in self.members:
                if member.task.done():
                    await member.task

    async def end(self) -> None:
        """All faults end; everything comes to rest, and is as it should be."""
        self.group.weather, self.group.broken_letters = "fine", False
        await asyncio.gather(*self._moving.values())
        for _ in range(40):
            # A poison's dead letters may have led to a hold that only good events end.
            self.group.produce()
        loop = asyncio.get_running_loop()
        until = loop.time() + MAX_SETTLE_SECONDS
        while not self.group.topic.at_end():
            await asyncio.sleep(1)
            for member in self.members:
                if member.task.done():
                    await member.task
            if all(number in self.group.done for number in self.group.poison):
                self.group.poison.clear()
            assert loop.time() < until, f"stands still: {self._states()}"
        await asyncio.sleep(60)
        self._check_rest()
        self.group.check_order()
        await self._stop_all()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    def _check_rest(self) -> None:
        for member in self.members:
            stage = member.stage
            assert stage.api.overlaps == 0
            assert (stage.worker.books.backlog.records, stage.worker.books.backlog.bytes) == (0, 0)
            assert stage.gate.in_flight == 0
            assert not any(hold.kind == "dead_letters" for hold in stage.gate.holds)
            assert not stage.worker.flow.paused

    async def _stop_all(self) -> None:
        for member in self.members:
            await self._stopped(member)

    async def _stopped(self, member: Member) -> None:
        """SIGTERM, and what was its own is nobody's."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        member.stage.worker.flow.stop()
        await member.task
        assert loop.time() - began <= DRAIN_SECONDS + LEAVE_SECONDS + 1, "the drain took too long"
        assert member.stage.source.closed

    def _states(self) -> list[object]:
        return [(each.stage.gate.holds, each.stage.worker.books.backlog.records) for each in self.members]

    async def _act(self) -> None:
        act = self.chance.random()
        if act < 0.45:
            for _ in range(self.chance.choice([1, 5, 30])):
                self.group.produce()
        elif act < 0.65:
            self.group.weather = self.chance.choice(WEATHER)
        elif act < 0.72:
            self.group.broken_letters = not self.group.broken_letters
        elif act < 0.87:
            self._rebalance()
        elif act < 0.94:
            await self._replace(self._crash)
        else:
            await self._replace(self._stopped)

    def _rebalance(self) -> None:
        partition = self.chance.choice(list(self.group.owner))
        owner = self.group.owner[partition]
        if owner is None or (partition in self._moving and not self._moving[partition].done()):
            return
        heir = self.chance.choice(self.members)
        move = self._lose if self.chance.random() < 0.4 else self._move
        self._moving[partition] = asyncio.create_task(move(partition, owner, heir))

    async def _move(self, partition: int, owner: Member, heir: Member) -> None:
        await owner.revoked(partition)
        if self.group.owner[partition] is owner:
            self._give(partition, heir)

    async def _lose(self, partition: int, owner: Member, heir: Member) -> None:
        """The group has given it away; the old owner hears of it later, or by a revoke."""
        if heir is owner:
            owner.stage.source.lose(partition)
            self._give(partition, heir)
            return
        self._give(partition, heir)
        await asyncio.sleep(self.chance.choice([0, 0.3, 5]))
        if self.group.owner[partition] is owner:
            return  # It has it again, and heard of the loss before.
        if self.chance.random() < 0.5:
            owner.stage.source.lose(partition)
        else:
            owner.stage.source.revoke(partition)

    def _give(self, partition: int, heir: Member) -> None:
        if heir not in self.members:
            heir = self.chance.choice(self.members)
        if self.group.owner[partition] is not heir:
            # It may have had it before, and not have heard that it lost it.
            heir.stage.source.lose(partition)
        self.group.owner[partition] = heir
        heir.stage.source.assign(partition)

    async def _crash(self, member: Member) -> None:
        await crash(member.task)

    async def _replace(self, how) -> None:  # noqa: ANN001  a way to end a member
        if self.chance.random() < 0.5:
            await asyncio.gather(*self._moving.values())
        place = self.chance.randrange(len(self.members))
        leaver = self.members[place]
        await how(leaver)
        self.members[place] = Member(self.group)
        for partition, owner in self.group.owner.items():
            if owner is leaver:
                self._give(partition, self.chance.choice(self.members))


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + SEEDS))
def test_any_schedule_keeps_the_promises(seed: int) -> None:
    async def scenario() -> None:
        director = Director(seed)
        await director.play()
        await director.end()

    in_virtual_time(scenario())
