"""The way from a worker to stream and table: a call that arrives is done, whoever still waits for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from worker.aws.json_client import Answered, AwsFault
from worker.local.kinesis.faults import Fate, Rule
from worker.local.kinesis.operations import OPERATIONS

if TYPE_CHECKING:
    from tests.simulation.chance import Draw
    from tests.simulation.kinesis.member import KinesisMember
    from tests.simulation.kinesis.world import World
    from worker.local.kinesis.operations import Operation

    Answer = Answered | AwsFault

_STREAM_SECONDS: Final = 10.0
_TIMED_OUT: Final = AwsFault(code="AnswerTimeout")
_REFUSED: Final = AwsFault(code="ConnectionFailed")
_THROTTLED: Final = AwsFault(code="ProvisionedThroughputExceededException", status=400)
_WRITES: Final = frozenset({"UpdateItem", "PutItem", "DeleteItem"})


class Edge:
    """Of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls: Counter[tuple[str, str]] = Counter()

    async def call(self, member: KinesisMember, target: str, body: bytes) -> Answer:
        """The call, from its sender's side."""
        operation = OPERATIONS[target]
        self._calls[member.name, operation.name] += 1
        draw = self._world.chance.draw(
            "aws", member.name, operation.name, self._calls[member.name, operation.name]
        )
        reply: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if operation.service == "Kinesis":
            self._to_stream(member, operation, body, draw, reply)
        else:
            self._to_table(member, operation, body, draw, reply)
        return await reply

    def _to_stream(
        self,
        member: KinesisMember,
        operation: Operation,
        body: bytes,
        draw: Draw,
        reply: asyncio.Future[Answer],
    ) -> None:
        state, fate, is_lost = self._world.stream_state, Fate(), False
        there, back = 0.002 + 0.01 * draw.part(), 0.002 + 0.01 * draw.part()
        match state:
            case "away":
                return self._answer_later(back, reply, _REFUSED)
            case "throttled" if draw.luck(0.6):
                self._world.saw("a throttled call of the stream")
                return self._answer_later(back, reply, _THROTTLED)
            case "empty" if draw.luck(0.6) and operation.name == "GetRecords":
                self._world.saw("an empty answer")
                fate = Fate(Rule(does="empty"))
            case "expiring" if draw.luck(0.3) and operation.name == "GetRecords":
                fate = Fate(Rule(does="expire"))
            case "answers lost" if draw.luck(0.5):
                is_lost = True
            case "slow":
                there, back = 4 * draw.part(), 8 * draw.part()
        self._send(member, operation, body, fate, (there, back), is_lost=is_lost, reply=reply)
        self._answer_later(_STREAM_SECONDS, reply, _TIMED_OUT)
        return None

    def _to_table(
        self,
        member: KinesisMember,
        operation: Operation,
        body: bytes,
        draw: Draw,
        reply: asyncio.Future[Answer],
    ) -> None:
        state, is_lost = self._world.table_state(member.slot), False
        there, back = 0.002 + 0.02 * draw.part(), 0.002 + 0.02 * draw.part()
        match state:
            case "away":
                return self._answer_later(back, reply, _REFUSED)
            case "throttled" if draw.luck(0.7):
                return self._answer_later(back, reply, _THROTTLED)
            case "answers lost" if draw.luck(0.6):
                is_lost = True
                self._world.saw("an answer of the table that was lost")
            case "slow":
                there, back = 6 * draw.part(), 3 * draw.part()
        self._send(member, operation, body, Fate(), (there, back), is_lost=is_lost, reply=reply)
        self._answer_later(self._world.schedule.failover_seconds / 3, reply, _TIMED_OUT)
        return None

    def _send(  # noqa: PLR0913  a call, and what becomes of it
        self,
        member: KinesisMember,
        operation: Operation,
        body: bytes,
        fate: Fate,
        seconds: tuple[float, float],
        *,
        is_lost: bool,
        reply: asyncio.Future[Answer],
    ) -> None:
        def arrive() -> None:
            key = _key_of(body) if operation.name in _WRITES else None
            before = None if key is None else self._world.row(key)
            answer = self._world.cloud.carry_out(operation, body, fate)
            if key is not None and isinstance(answer, Answered):
                self._world.leases.table_written(member, key, before)
            if operation.name == "GetShardIterator" and isinstance(answer, Answered):
                self._world.leases.iterator_given(member, msgspec.json.decode(body))
            if isinstance(answer, AwsFault) and answer.code == "ExpiredIteratorException":
                self._world.saw("an expired iterator")
            if not is_lost:
                self._answer_later(seconds[1], reply, answer)

        self._world.later(seconds[0], arrive)

    def _answer_later(self, seconds: float, reply: asyncio.Future[Answer], answer: Answer) -> None:
        self._world.later(seconds, _answer, reply, answer)


def _answer(reply: asyncio.Future[Answer], answer: Answer) -> None:
    if not reply.done():
        reply.set_result(answer)


def _key_of(body: bytes) -> str:
    request = msgspec.json.decode(body)
    return str((request.get("Key") or request["Item"])["leaseKey"]["S"])
