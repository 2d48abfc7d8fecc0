"""PutEvents: what it does with a call, and what the worker hears of it, which are two things.

A call is on its way, arrives, is decided, and answered; the answer may be lost, and a call may arrive after
its sender has given it up, or has died.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Throttled, TransientFault

if TYPE_CHECKING:
    from tests.simulation.chance import Draw
    from tests.simulation.member import Member
    from tests.simulation.world import World
    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch

_SECONDS: Final = (0.01, 0.02, 0.05, 0.05, 0.3)
_SLOW_SECONDS: Final = (1.0, 3.0, 8.0)
_TIMEOUT_SECONDS: Final = 2.0
_LATE_SECONDS: Final = (0.1, 1.0, 5.0)
NOT_ACCEPTED: Final = TransientFault("AnswerTimeout")
# Of something on the way, which knows no error code of AWS.
GATEWAYS: Final = (Misconfigured("Http403"), TransientFault("Http502"))


class Api:
    """The one endpoint."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tries: Counter[str] = Counter()

    async def put(self, member: Member, batch: Batch) -> Answer:
        """The call, from its sender's side."""
        first = self._world.truth.of_call(batch)[0].name
        self._tries[first] += 1
        draw = self._world.chance.draw("call", first, self._tries[first])
        reply: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._send(member, batch, draw, reply)
        return await reply

    def _send(self, member: Member, batch: Batch, draw: Draw, reply: asyncio.Future[Answer]) -> None:
        weather, later = self._world.weather, self._world.later
        seconds = draw.pick(_SLOW_SECONDS if weather == "slow" else _SECONDS)
        if weather == "late" and draw.luck(0.4):
            later(_TIMEOUT_SECONDS, _answer, reply, NOT_ACCEPTED)
            later(_TIMEOUT_SECONDS + draw.pick(_LATE_SECONDS), self._arrives_late, member, batch)
        else:
            later(seconds, self._arrives, member, batch, draw, reply)

    def _arrives(self, member: Member, batch: Batch, draw: Draw, reply: asyncio.Future[Answer]) -> None:
        answer = self._decide(batch, draw)
        if isinstance(answer, Accepted):
            self._accept(member, batch)
            if self._world.weather == "answers lost" and draw.luck(0.4):
                self._world.saw("an answer that was lost")
                answer = NOT_ACCEPTED
        if member.is_dead:
            self._world.saw("a call that outlived its sender")
        _answer(reply, answer)

    def _arrives_late(self, member: Member, batch: Batch) -> None:
        if not self._world.expired and self._poison(batch) is None:
            self._world.saw("a call accepted after its sender gave it up")
            self._accept(member, batch)

    def _decide(self, batch: Batch, draw: Draw) -> Answer:  # noqa: PLR0911  a table of weathers
        if self._world.expired:
            return Misconfigured("ExpiredTokenException")
        match self._world.weather:
            case "flaky" if draw.luck(0.4):
                return TransientFault("500")
            case "throttled" if draw.luck(0.7):
                return Throttled("ThrottlingException", draw.pick((None, None, 2.0)))
            case "down":
                return TransientFault("ConnectionFailed")
            case "refusing":
                return Refused("InvalidInputException")
            case "denied":
                return Misconfigured("AccessDeniedException")
            case "bad sessions" if batch.session_id.endswith(("s0", "s1")):
                return TransientFault("500")
            case "gateway" if self._poison(batch):
                return draw.pick(GATEWAYS)
        return self._poison(batch) or Accepted()

    def _poison(self, batch: Batch) -> Refused | None:
        kinds = {each.kind for each in self._world.truth.of_call(batch)}
        return Refused("InvalidInputException") if "poison" in kinds and not self._world.is_fixed else None

    def _accept(self, member: Member, batch: Batch) -> None:
        records = self._world.truth.of_call(batch)
        self._world.note("api", "accepts", *records, "of", member.name)
        for record in records:
            self._world.truth.done(record, "accepted")


def _answer(reply: asyncio.Future[Answer], answer: Answer) -> None:
    if not reply.done():
        reply.set_result(answer)
