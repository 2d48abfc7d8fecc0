"""Makes one attempt at a PutEvents call: builds, signs and sends it, and classifies the answer.

When the API refuses the keys, they are loaded from scratch, and the call is sent once more if the keys have
changed. So an expired token or a corrected file costs one call and no hold.
"""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from worker.blocking import run_blocking
from worker.core.flow_control.advice import TIMED_CODES
from worker.core.model.error_codes import CREDENTIAL_CODES
from worker.core.model.outcomes import Misconfigured, Refused, TransientFault
from worker.delivery.aws.boto_subprocess import BotoSubprocess
from worker.delivery.aws.clock import ApiClock
from worker.delivery.aws.credentials import POLL_SECONDS, RELOAD_SECONDS, Credentials
from worker.delivery.aws.endpoint import ServiceEndpoint, require_encryption, tls_context
from worker.delivery.aws.signing import Signer
from worker.delivery.body import EventsBody
from worker.delivery.reply import read
from worker.http.errors import TransportError
from worker.http.transport import Transport

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch
    from worker.core.model.snapshot import KeysStatus
    from worker.delivery.aws.provider_chain import Loaded
    from worker.delivery.aws.signing import Keys


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


class _Opened(Struct, frozen=True):
    """What exists between open and close."""

    endpoint: ServiceEndpoint
    signer: Signer
    transport: Transport


class PutEventsClient:
    """Sends batches; implements ``ports.PutEvents``. Open it before use, and close it after.

    Args:
        settings: where to send, and how long to wait.
        load: finds credentials; by default, botocore's chain.
        clock: epoch seconds, which go into the signature.
        poll_seconds: how often to check whether credentials must be refreshed.
        reload_seconds: refused credentials are loaded from scratch this often at most.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        load: Callable[[], Loaded] | None = None,
        clock: Callable[[], float] = time.time,
        poll_seconds: float = POLL_SECONDS,
        reload_seconds: float = RELOAD_SECONDS,
    ) -> None:
        self._settings = settings
        self._body = EventsBody(settings.tracking_id)
        boto = BotoSubprocess(settings.region)
        self._credentials = Credentials(
            load or boto.load,
            poll_seconds=poll_seconds,
            reload_seconds=reload_seconds,
            epoch_seconds=clock,
        )
        self._boto = boto
        self._clock = clock
        self._api_clock = ApiClock(clock)
        self._opened: _Opened | None = None

    async def open(self) -> None:
        """Find endpoint and credentials without blocking the loop. No connection is made yet.

        Raises:
            UnusableSettings: region, endpoint, proxy or certificates are wrong. Missing credentials raise
                nothing: they may still come, and until then every call is answered with ``Misconfigured``.
        """
        endpoint, tls = await run_blocking(self._resolve)
        await self._credentials.open()
        self._opened = _Opened(endpoint, _signer(endpoint), self._transport(endpoint, tls))

    async def close(self) -> None:
        """Close the connections. It may be called twice, and without ``open``."""
        await self._credentials.close()
        if self._opened is not None:
            await self._opened.transport.close()

    @property
    def endpoint(self) -> ServiceEndpoint:
        """The address, the region and any doubt about it; available once opened."""
        return self._require_opened().endpoint

    def keys_status(self) -> KeysStatus:
        """Report whether there are keys, when they expire, and whether new ones can be had."""
        return self._credentials.status()

    def clock_ahead_seconds(self) -> float | None:
        """Return how far our clock is ahead of the API's, to about a second; None before its first answer."""
        return self._api_clock.ahead_seconds()

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
        opened = self._require_opened()
        reply = await opened.transport.post(opened.signer.headers(body, keys, self._clock()), body)
        return TransientFault(reply.code) if isinstance(reply, TransportError) else read(reply, self._clock())

    def _require_opened(self) -> _Opened:
        if self._opened is None:
            msg = "the client is not open"
            raise RuntimeError(msg)
        return self._opened

    def _resolve(self) -> tuple[ServiceEndpoint, ssl.SSLContext]:
        endpoint = self._boto.resolve(self._settings.endpoint_url)
        require_encryption(endpoint, plain_http=self._settings.plain_http)
        return endpoint, tls_context(endpoint.ca_file)

    def _transport(self, endpoint: ServiceEndpoint, tls: ssl.SSLContext) -> Transport:
        return Transport(
            endpoint.url,
            tls=tls,
            user_agent=f"personalize-worker/{version('personalize-worker')}",
            connect_seconds=self._settings.connect_seconds,
            answer_seconds=self._settings.answer_seconds,
            max_connections=self._settings.max_connections,
            proxy_url=endpoint.proxy_url,
            proxy_headers=endpoint.proxy_headers,
            on_date=self._api_clock.observe,
        )


def _signer(endpoint: ServiceEndpoint) -> Signer:
    return Signer(
        method=endpoint.method,
        path=endpoint.signed_path,
        host=endpoint.host,
        content_type=endpoint.content_type,
        region=endpoint.region,
        service=endpoint.signing_name,
    )
