"""Kinesis and DynamoDB on 127.0.0.1, at one address: ``X-Amz-Target`` says which is meant, and what.

    POST /         a call                        GET  /calls    how many calls there were
    GET  /faults   the plan of faults            POST /faults   another plan

In the process: ``streams`` and ``tables`` are what the calls change and read. They belong to the loop's
thread, as does everything here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Final

import msgspec

from worker.local import signature
from worker.local.answers import Answer, Refusal, Reply, Reset, Silence, dated, refused, response
from worker.local.http import Request, application
from worker.local.kinesis.answers import CONTENT_TYPES, answered, failed, request_of
from worker.local.kinesis.behaviour import Behaviour
from worker.local.kinesis.call_counts import CallCounts
from worker.local.kinesis.failures import AwsError
from worker.local.kinesis.faults import Faults, Schedule, plan
from worker.local.kinesis.operations import OPERATIONS
from worker.local.kinesis.stream_calls import StreamCalls
from worker.local.kinesis.streams import Streams
from worker.local.kinesis.table_calls import TableCalls
from worker.local.kinesis.tables import Tables
from worker.telemetry.http_server import Bounds, HttpServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from worker.local.answers import Response
    from worker.local.kinesis.faults import Fate
    from worker.local.kinesis.operations import Operation
    from worker.local.kinesis.streams import Clock

HOST: Final = "127.0.0.1"
BACKLOG: Final = 1024
# 10 MiB of records, in base64, and what is around them.
MAX_BODY_BYTES: Final = 16 << 20
BOUNDS: Final = Bounds(head_bytes=64 * 1024, request_bytes=MAX_BODY_BYTES + (1 << 20), idle_seconds=3600)
LOCAL_KEYS: Final = {"local": "local"}
_UNKNOWN: Final = Refusal("UnknownOperationException", "No such operation")


class LocalKinesis:
    """The endpoint, for as long as the ``async with`` block; ``url`` is where it listens, for both services.

    Args:
        behaviour: what takes how long, and what differs.
        faults: the plan of faults; by default, none.
        port: the port to listen on; 0: any free one.
        access_keys: the known access keys with their secrets; None: any key, and no secret is checked.
        clock: what time it is to streams, tables and the plan of faults, in epoch seconds.
    """

    url: str

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        faults: Faults | None = None,
        *,
        port: int = 0,
        access_keys: Mapping[str, str] | None = LOCAL_KEYS,
        clock: Clock = time,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.calls = CallCounts()
        self.streams = Streams(clock, self.behaviour)
        self.tables = Tables(clock, self.behaviour)
        self._clock = clock
        self._port = port
        self._access_keys = access_keys
        self._of_streams = StreamCalls(self.streams, clock, self.behaviour)
        self._of_tables = TableCalls(self.tables, self.behaviour)
        self.faults = faults or Faults()

    @property
    def faults(self) -> Faults:
        """The plan in force; set another at any time, and it is counted from then on."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self._schedule = Schedule(faults, self._clock())

    def expire_iterators(self) -> None:
        """Let all iterators that were given so far be too old."""
        self._of_streams.expire_iterators()

    async def __aenter__(self) -> Self:
        """Start listening."""
        self._server = HttpServer(application(self.respond, MAX_BODY_BYTES), BOUNDS)
        port = await self._server.listen(host=HOST, port=self._port, backlog=BACKLOG)
        self.url = f"http://{HOST}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and cut the open connections."""
        await self._server.close()

    def respond(self, request: Request) -> Answer:
        """Answer a request; it never raises, whatever the request is."""
        match request.method, request.target:
            case "POST", "/":
                return self._call(request)
            case "GET", "/calls":
                return Reply(response(200, msgspec.json.encode(self.calls.summary())))
            case "GET", "/faults":
                return Reply(response(200, msgspec.json.encode(self.faults)))
            case "POST", "/faults":
                return self._change_faults(request.body)
            case _:
                return Reply(refused(_UNKNOWN))

    def _change_faults(self, content: bytes) -> Reply:
        try:
            self.faults = plan(content)
        except msgspec.MsgspecError as error:
            return Reply(refused(Refusal("InvalidInputException", str(error))))
        return Reply(response(200, msgspec.json.encode(self.faults)))

    def _call(self, request: Request) -> Answer:
        operation = OPERATIONS.get(request.headers.get("x-amz-target", ""))
        if operation is None:
            return Reply(refused(_UNKNOWN))
        access_key = signature.access_key_of(request)
        fate = self._schedule.fate(operation, access_key, self._clock())
        if fate.does("reset"):
            self.calls.note(operation, access_key, "reset")
            return Reset()
        outcome, answer = self._answer(operation, request, fate)
        if fate.rule is not None and fate.does("lose", "silence"):
            outcome = fate.rule.does
        self.calls.note(operation, access_key, outcome)
        if outcome == "lose":
            return Reset()
        if outcome == "silence":
            return Silence()
        return Reply(dated(answer, time()), fate.after_seconds)

    def _answer(self, operation: Operation, request: Request, fate: Fate) -> tuple[str, Response]:
        try:
            self._must_be_allowed(operation, request)
            fate.must_not_fail_before(operation)
            members = self._carried_out(operation, request, fate)
            fate.must_not_fail_after(operation)
        except AwsError as error:
            return error.code, failed(operation.service, error)
        return "done", answered(operation.service, members)

    def _must_be_allowed(self, operation: Operation, request: Request) -> None:
        """Check what AWS's front door checks."""
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type.encode() != CONTENT_TYPES[operation.service]:
            raise AwsError("UnknownOperationException", "The content type is not that of the service")
        keys = self._access_keys
        access_key = None if keys is None else signature.access_key_of(request)
        secret = "" if keys is None or access_key is None else keys.get(access_key)
        if secret is None:
            raise AwsError(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        # Whoever signs knows no other clock than the machine's.
        now = datetime.fromtimestamp(time(), UTC)
        refusal = signature.refusal(request, access_key, secret, now, operation.service.lower())
        if refusal is not None:
            raise AwsError(refusal.code, refusal.message)

    def _carried_out(self, operation: Operation, request: Request, fate: Fate) -> dict[str, object]:
        calls = self._of_streams if operation.service == "Kinesis" else self._of_tables
        members: dict[str, object] = getattr(calls, operation.method)(
            request_of(operation, request.body), fate
        )
        return members
