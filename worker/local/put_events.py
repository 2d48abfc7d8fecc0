"""PutEvents on 127.0.0.1: checks what AWS checks, records the calls, and fails as it is told.

    POST /events         the call itself
    GET  /calls          the calls in numbers         GET  /calls/accepted   the accepted calls, JSON lines
    GET  /faults         the plan of faults            POST /faults         some of its fields, set anew

``fast`` leaves out the checks of signature and rules, for benchmarks; call log and faults stay. A call is in
the call log before its answer leaves: one whose answer is lost was accepted all the same.

``python -m worker.local.put_events`` prints ``{"url": ...}`` and serves until SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from datetime import UTC, datetime
from random import Random
from time import monotonic, time
from typing import TYPE_CHECKING, cast

import msgspec
import uvloop
from msgspec import Struct

from worker.local import rules, signature
from worker.local.answers import ACCEPTED, Answer, Refusal, Reply, Reset, Silence, dated, refused, response
from worker.local.call_log import CallLog
from worker.local.faults import Faults, TokenBucket
from worker.local.http import Connection, Request
from worker.runtime.exit_codes import ExitCode
from worker.runtime.signals import stop_event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from worker.local.faults import Fate

HOST = "127.0.0.1"
BACKLOG = 1024
NOT_A_CALL = Refusal("SerializationException", "The body is not the JSON of a call")
# RecursionError: msgspec's own bound on how deep JSON may nest.
UNDECODABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


class _Event(Struct, frozen=True, gc=False):
    eventId: str | None = None  # noqa: N815  the API's name
    eventType: str = ""  # noqa: N815  the API's name
    itemId: str | None = None  # noqa: N815  the API's name


class _Call(Struct, frozen=True):
    """What call log and faults need of a call."""

    trackingId: str  # noqa: N815  the API's name
    sessionId: str  # noqa: N815  the API's name
    eventList: tuple[_Event, ...]  # noqa: N815  the API's name
    userId: str | None = None  # noqa: N815  the API's name

    def mentions(self, text: str) -> bool:
        """Whether an event type or an item id holds this text."""
        return any(text in event.eventType or text in (event.itemId or "") for event in self.eventList)


class LocalPutEvents:
    """The endpoint, for as long as the ``async with`` block; ``url`` is where it listens."""

    url: str

    def __init__(
        self,
        faults: Faults | None = None,
        *,
        port: int = 0,
        fast: bool = False,
        seed: int = 0,
        call_log: CallLog | None = None,
    ) -> None:
        """Choose the faults, the port (0: any that is free), the seed of the dice and the call log."""
        self.call_log = CallLog() if call_log is None else call_log
        self._port = port
        self._fast = fast
        self._random = Random(seed)  # noqa: S311  faults, not secrets
        self._decoder = msgspec.json.Decoder(_Call)
        self._connections: set[Connection] = set()
        self.faults = faults or Faults()

    @property
    def faults(self) -> Faults:
        """The plan in force; set another at any time."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        rate = faults.calls_per_second
        burst = rate if faults.burst_calls is None else faults.burst_calls
        self._bucket = None if rate is None else TokenBucket(rate, max(burst or 0, 1), monotonic())

    async def __aenter__(self) -> Self:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._respond, self._connections), HOST, self._port, backlog=BACKLOG
        )
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://{HOST}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and cut what is connected."""
        self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
        await self._server.wait_closed()

    def _respond(self, request: Request) -> Answer:
        match request.method, request.target:
            case "POST", "/events":
                return self._put_events(request)
            case "GET", "/calls":
                return Reply(response(200, msgspec.json.encode(self.call_log.summary())))
            case "GET", "/calls/accepted":
                return Reply(response(200, self.call_log.lines(), b"application/jsonl"))
            case "GET", "/faults":
                return Reply(response(200, msgspec.json.encode(self.faults)))
            case "POST", "/faults":
                return self._change_faults(request.body)
        return Reply(refused(Refusal("UnknownOperationException", "No such operation")))

    def _change_faults(self, changes: bytes) -> Reply:
        try:
            self.faults = self.faults.changed(changes)
        except msgspec.MsgspecError as error:
            return Reply(refused(Refusal("InvalidInputException", str(error))))
        return Reply(response(200, msgspec.json.encode(self.faults)))

    def _put_events(self, request: Request) -> Answer:
        fate = self._faults.fate(self._random)
        if fate == "reset":
            self.call_log.count("reset")
            return Reset()
        call = self._call(request.body)
        ended = self.call_log.begin(call.sessionId) if call else None
        refusal = self._refusal(request, call, fate)
        if refusal is not None:
            self.call_log.count(refusal.code)
            return Reply(dated(refused(refusal), self._now()), self._answer_seconds(), ended)
        return self._accepted(cast("_Call", call), fate, ended)

    def _call(self, body: bytes) -> _Call | None:
        try:
            return self._decoder.decode(body)
        except UNDECODABLE:
            return None

    def _refusal(self, request: Request, call: _Call | None, fate: Fate | None) -> Refusal | None:
        """Why the call is not accepted, or None; as AWS asks: first who calls, then how often, then what."""
        return (
            self._refused_unread(request)
            or self._throttled(fate)
            or self._invalid(request.body)
            or self._refused_content(call)
            or self._failed(fate)
        )

    def _refused_unread(self, request: Request) -> Refusal | None:
        faults = self._faults
        if faults.refuse is not None:
            return Refusal(faults.refuse, "Refused by the plan of faults")
        if self._fast:
            return None
        now = datetime.fromtimestamp(self._now(), UTC)
        access_key = None if faults.any_keys else faults.access_key
        return signature.refusal(request, access_key, faults.secret_key, now)

    def _throttled(self, fate: Fate | None) -> Refusal | None:
        over = self._bucket is not None and not self._bucket.take(monotonic())
        return Refusal("ThrottlingException", "Rate exceeded") if over or fate == "throttle" else None

    def _invalid(self, body: bytes) -> Refusal | None:
        if self._fast:
            return None
        try:
            broken = rules.violation(msgspec.json.decode(body))
        except UNDECODABLE:
            return NOT_A_CALL
        return Refusal("InvalidInputException", broken) if broken else None

    def _refused_content(self, call: _Call | None) -> Refusal | None:
        faults = self._faults
        if call is None:
            return NOT_A_CALL
        if faults.tracking_id not in {None, call.trackingId}:
            return Refusal(faults.unknown_tracker, "No such event tracker")
        if faults.poison is not None and call.mentions(faults.poison):
            return Refusal("InvalidInputException", "An event holds what the plan of faults refuses")
        return None

    def _failed(self, fate: Fate | None) -> Refusal | None:
        if fate != "fail":
            return None
        code = self._random.choice(("InternalServerException", "ServiceUnavailableException"))
        return Refusal(code, "Try again")

    def _accepted(self, call: _Call, fate: Fate | None, ended: Callable[[], None] | None) -> Answer:
        if call.sessionId == "null":
            # As Personalize does: answered 200, and nothing comes of it.
            self.call_log.count("ignored")
        else:
            ids = tuple(event.eventId for event in call.eventList)
            self.call_log.accept(time(), call.sessionId, call.userId, ids)
        if fate == "lose":
            return Reset(ended)
        if fate == "silence":
            return Silence(ended)
        return Reply(dated(ACCEPTED, self._now()), self._answer_seconds(), ended)

    def _now(self) -> float:
        return time() + self._faults.clock_ahead_seconds

    def _answer_seconds(self) -> float:
        mean = self._faults.answer_seconds
        return self._random.uniform(0.5 * mean, 1.5 * mean) if mean else 0


async def serve(endpoint: LocalPutEvents) -> None:
    """Serve until SIGTERM or SIGINT, having said where."""
    stopping = stop_event()
    async with endpoint:
        print(msgspec.json.encode({"url": endpoint.url}).decode(), flush=True)  # noqa: T201  its one line of output
        await stopping.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the endpoint as a command."""
    parser = argparse.ArgumentParser(prog="worker.local.put_events", description="PutEvents on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--fast", action="store_true", help="check neither signature nor rules")
    parser.add_argument("--seed", type=int, default=0, help="of the dice")
    parser.add_argument("--faults", default="{}", help="JSON, such as '{\"throttle\": 0.1}'")
    chosen = parser.parse_args(arguments)
    try:
        faults = Faults().changed(chosen.faults.encode())
    except msgspec.MsgspecError as error:
        parser.error(f"--faults: {error}")
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(LocalPutEvents(faults, port=chosen.port, fast=chosen.fast, seed=chosen.seed)))
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
