"""PutEvents on 127.0.0.1: checks what AWS checks, records its calls, and injects faults on demand.

    POST /events         the call itself
    GET  /calls          the calls in numbers          GET  /calls/accepted the accepted calls, JSON lines
    GET  /faults         the plan of faults            POST /faults         change some of its fields

``fast`` skips the checks of signature and rules, for benchmarks; call log and faults stay. A call is in the
call log before its answer leaves, so a call whose answer is lost was accepted all the same.

``python -m worker.local.put_events`` prints ``{"url": ...}`` and serves until SIGTERM.
"""

from __future__ import annotations

import argparse
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
from worker.local.http import BOUNDS, Request, application
from worker.runtime.exit_codes import ExitCode
from worker.runtime.signals import stop_event
from worker.telemetry.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from worker.local.faults import Fate

HOST = "127.0.0.1"
BACKLOG = 1024
NOT_A_CALL = Refusal("SerializationException", "The body is not the JSON of a call")
# RecursionError: msgspec's own limit on the nesting of JSON.
UNDECODABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


class _Event(Struct, frozen=True, gc=False):
    eventId: str | None = None  # noqa: N815  the API's name
    eventType: str = ""  # noqa: N815  the API's name
    itemId: str | None = None  # noqa: N815  the API's name


class _Call(Struct, frozen=True):
    """The parts of a call that the call log and the faults need."""

    trackingId: str  # noqa: N815  the API's name
    sessionId: str  # noqa: N815  the API's name
    eventList: tuple[_Event, ...]  # noqa: N815  the API's name
    userId: str | None = None  # noqa: N815  the API's name

    def mentions(self, text: str) -> bool:
        """Return whether an event type or an item id contains this text."""
        return any(text in event.eventType or text in (event.itemId or "") for event in self.eventList)


class LocalPutEvents:
    """The endpoint, for as long as the ``async with`` block; ``url`` is where it listens.

    Args:
        faults: the plan of faults; by default, none.
        port: the port to listen on; 0: any free one.
        fast: skip the checks of signature and rules.
        seed: the seed of the random choices.
        books: the books to keep; by default, new ones.
    """

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
        self.call_log = CallLog() if call_log is None else call_log
        self._port = port
        self._fast = fast
        self._random = Random(seed)  # noqa: S311  faults, not secrets
        self._decoder = msgspec.json.Decoder(_Call)
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
        """Start listening."""
        self._server = HttpServer(application(self._respond), BOUNDS)
        port = await self._server.listen(host=HOST, port=self._port, backlog=BACKLOG)
        self.url = f"http://{HOST}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and cut the open connections."""
        await self._server.close()

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
            case _:
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
        """Return why the call is not accepted, or None; AWS checks caller, rate, then content."""
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
            # As Personalize does: it answers 200, and drops the events.
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
    """Print the address, and serve until SIGTERM or SIGINT."""
    stopping = stop_event()
    async with endpoint:
        print(msgspec.json.encode({"url": endpoint.url}).decode(), flush=True)  # noqa: T201  its one line of output
        await stopping.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the endpoint as a command."""
    parser = argparse.ArgumentParser(prog="worker.local.put_events", description="PutEvents on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--fast", action="store_true", help="check neither signature nor rules")
    parser.add_argument("--seed", type=int, default=0, help="of the random choices")
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
