"""Calls a service of the AWS JSON protocol: the operation in a header, JSON both ways.

One call is one attempt. When the service refuses the keys, they are loaded from scratch, and the call is sent
once more if the keys have changed, as for PutEvents. When it knows them and denies the call, that is done
ever more seldom.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.aws.denials import DENIED, Denials
from worker.aws.error_answers import code_of, decode_object, message_of, retry_after_seconds
from worker.core.model.error_codes import CREDENTIAL_CODES
from worker.http.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.aws.access import AwsAccess, Limits, Route
    from worker.aws.endpoint import ServiceEndpoint
    from worker.aws.services import Service
    from worker.aws.signing import Keys
    from worker.http.reply import Reply

ANSWER_TOO_LONG: Final = "AnswerTooLong"
NO_CREDENTIALS: Final = "NoCredentials"

_OK: Final = 200
# A code becomes a log key and a metric's label, and the server chooses it.
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}")


class Answered(Struct, frozen=True):
    """The service did what it was asked to."""

    body: bytes
    """Whatever came with the 200: JSON, unless something in between answered."""


class AwsFault(Struct, frozen=True, kw_only=True):
    """Why there is no answer that counts. A value: it is returned and never raised.

    Where ``status`` is 0, the service may have done what it was asked to.
    """

    code: str
    """One word: the service's error code without namespace, or a word for what went wrong on the way."""
    message: str = ""
    """The service's words; not for logs, as it may repeat what was sent."""
    status: int = 0
    """The HTTP status; 0 if no answer came."""
    retry_after_seconds: float | None = None
    details: bytes = b""
    """The body of the error, where a code has more to say than a message."""

    def __repr__(self) -> str:
        """Leave out what may hold user data, because a repr ends up in logs."""
        return f"AwsFault({self.code!r}, status={self.status})"


class JsonClient:
    """Calls one service. Open it before use, and close it after.

    Args:
        service: which one; among what is wanted of ``access``.
        access: shared with the clients of other services.
        limits: of each call; an answer as long as ``max_answer_bytes`` is a fault.
        clock: epoch seconds, which go into the signature.
    """

    def __init__(
        self, service: Service, access: AwsAccess, limits: Limits, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._service = service
        self._access = access
        self._credentials = access.credentials
        self._limits = limits
        self._clock = clock
        self._denials = Denials()
        self._uses_access = False
        self._route: Route | None = None

    async def open(self) -> None:
        """Find endpoint and credentials without blocking the loop. No connection is made yet.

        Raises:
            UnusableSettings: region, endpoint, proxy or certificates are wrong.
        """
        await self._access.open()
        self._uses_access = True
        self._route = self._access.route(self._service, self._limits)

    async def close(self) -> None:
        """Close the connections; calls in progress and later calls fail. It may be called twice."""
        if self._uses_access:
            self._uses_access = False
            await self._access.close()
        if self._route is not None:
            await self._route.transport.close()

    @property
    def endpoint(self) -> ServiceEndpoint:
        """The address, the region and any doubt about it; available once opened."""
        return self._require_route().endpoint

    async def call(self, target: str, body: bytes) -> Answered | AwsFault:
        """Make one attempt. Nothing but cancellation is raised.

        Args:
            target: the operation with its version, such as ``Kinesis_20131202.GetRecords``.
            body: the JSON of its parameters.
        """
        keys = self._credentials.keys
        answer = await self._send(target, body, keys)
        if isinstance(answer, AwsFault) and self._may_be_the_keys(answer.code, keys):
            return await self._send_renewed(target, body, keys, answer)
        return answer

    def _may_be_the_keys(self, code: str, keys: Keys | None) -> bool:
        if code in DENIED:
            return self._denials.is_worth_a_load(keys, self._clock())
        return code in CREDENTIAL_CODES

    async def _send_renewed(
        self, target: str, body: bytes, refused: Keys | None, answer: AwsFault
    ) -> Answered | AwsFault:
        keys = await self._credentials.renewed(refused)
        if keys is not None:
            return await self._send(target, body, keys)
        # Why there are no other keys says more than that these were refused.
        fault = self._credentials.fault
        return answer if fault is None else AwsFault(code=fault.code, message=getattr(fault, "message", ""))

    async def _send(self, target: str, body: bytes, keys: Keys | None) -> Answered | AwsFault:
        if keys is None:
            return AwsFault(code=NO_CREDENTIALS)
        route = self._require_route()
        headers = route.signer.headers(body, keys, self._clock(), target)
        reply = await route.transport.post(headers, body)
        if isinstance(reply, TransportError):
            return AwsFault(code=reply.code)
        if len(reply.body) >= self._limits.max_answer_bytes:
            return AwsFault(code=ANSWER_TOO_LONG, status=reply.status)
        if reply.status == _OK and not reply.error_type:
            return Answered(reply.body)
        return _fault(reply, self._clock())

    def _require_route(self) -> Route:
        if self._route is None:
            msg = "the client is not open"
            raise RuntimeError(msg)
        return self._route


def _fault(reply: Reply, now: float) -> AwsFault:
    said = decode_object(reply.body)
    code = code_of(reply, said)
    return AwsFault(
        code=code if _WORD.fullmatch(code) else f"Http{reply.status}",
        message=message_of(said),
        status=reply.status,
        retry_after_seconds=retry_after_seconds(reply, now),
        details=reply.body,
    )
