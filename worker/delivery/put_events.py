"""Makes one attempt at a PutEvents call: builds, signs and sends it, and classifies the answer.

When the API refuses the keys, they are loaded from scratch, and the call is sent once more if the keys have
changed. So an expired token or a corrected file costs one call and no hold.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from worker.aws.access import AwsAccess, Limits
from worker.aws.services import PERSONALIZE_EVENTS, Wanted
from worker.core.flow_control.advice import TIMED_CODES
from worker.core.model.error_codes import CREDENTIAL_CODES
from worker.core.model.outcomes import Misconfigured, Refused, TransientFault
from worker.delivery.body import EventsBody
from worker.delivery.reply import read
from worker.http.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.aws.access import Route
    from worker.aws.endpoint import ServiceEndpoint
    from worker.aws.signing import Keys
    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch
    from worker.core.model.snapshot import KeysStatus


class ClientSettings(Struct, frozen=True):
    """The settings of a client."""

    tracking_id: str
    region: str | None = None
    """None: as configured for the AWS SDK."""
    endpoint_url: str | None = None
    plain_http: bool = False
    """Whether an http endpoint may be on another machine."""
    connect_seconds: float = 3.0
    answer_seconds: float = 10.0
    max_connections: int = 64

    @property
    def wanted(self) -> Wanted:
        """What to find out about the service."""
        return Wanted(PERSONALIZE_EVENTS, self.region, self.endpoint_url, self.plain_http)


class PutEventsClient:
    """Sends batches; implements ``ports.PutEvents``. Open it before use, and close it after.

    Args:
        settings: where to send, and how long to wait.
        access: what it shares with other clients, this service among what is wanted of it; by default, its
            own.
        clock: epoch seconds, which go into the signature.
    """

    def __init__(
        self,
        settings: ClientSettings,
        access: AwsAccess | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._body = EventsBody(settings.tracking_id)
        self._access = access or AwsAccess(settings.wanted, clock=clock)
        self._credentials = self._access.credentials
        self._clock = clock
        self._uses_access = False
        self._route: Route | None = None

    async def open(self) -> None:
        """Find endpoint and credentials without blocking the loop. No connection is made yet.

        Raises:
            UnusableSettings: region, endpoint, proxy or certificates are wrong. Missing credentials raise
                nothing: they may still come, and until then every call is answered with ``Misconfigured``.
        """
        await self._access.open()
        self._uses_access = True
        self._route = self._access.route(
            PERSONALIZE_EVENTS,
            Limits(
                connect_seconds=self._settings.connect_seconds,
                answer_seconds=self._settings.answer_seconds,
                max_connections=self._settings.max_connections,
            ),
        )

    async def close(self) -> None:
        """Close the connections. It may be called twice, and without ``open``."""
        if self._uses_access:
            self._uses_access = False
            await self._access.close()
        if self._route is not None:
            await self._route.transport.close()

    @property
    def endpoint(self) -> ServiceEndpoint:
        """The address, the region and any doubt about it; available once opened."""
        return self._require_route().endpoint

    def keys_status(self) -> KeysStatus:
        """Report whether there are keys, when they expire, and whether new ones can be had."""
        return self._credentials.status()

    def clock_ahead_seconds(self) -> float | None:
        """Return how far our clock is ahead of the API's, to about a second; None before its first answer."""
        return self._access.api_clock.ahead_seconds()

    async def put(self, batch: Batch) -> Answer:
        """Send the batch and classify the answer. Nothing but cancellation is raised."""
        try:
            body = self._body(batch)
        except UnicodeEncodeError:
            return Refused("NotUnicode", "session or user id is not valid Unicode")
        keys = self._credentials.keys
        answer = await self._send(body, keys)
        if isinstance(answer, Misconfigured) and answer.code in CREDENTIAL_CODES:
            answer = await self._send_renewed(body, keys, answer)
        if isinstance(answer, Misconfigured) and self._credentials.from_environment:
            answer = structs.replace(answer, keys_from_environment=True)
        if isinstance(answer, Misconfigured) and answer.code in TIMED_CODES:
            return structs.replace(answer, clock_ahead_seconds=self.clock_ahead_seconds())
        return answer

    async def _send_renewed(self, body: bytes, refused: Keys | None, answer: Misconfigured) -> Answer:
        keys = await self._credentials.renewed(refused)
        if keys is None:
            # Why there are no other keys says more than that these were refused.
            return self._credentials.fault or answer
        return await self._send(body, keys)

    async def _send(self, body: bytes, keys: Keys | None) -> Answer:
        if keys is None:
            return Misconfigured("NoCredentials")
        route = self._require_route()
        reply = await route.transport.post(route.signer.headers(body, keys, self._clock()), body)
        return TransientFault(reply.code) if isinstance(reply, TransportError) else read(reply, self._clock())

    def _require_route(self) -> Route:
        if self._route is None:
            msg = "the client is not open"
            raise RuntimeError(msg)
        return self._route
