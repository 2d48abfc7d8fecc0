"""What all AWS clients of one worker share: the keys, the question to boto3, and the API's clock.

boto3 is asked once for every service that is to be called, in one process. Each client opens the access
before it uses it, and closes it after; the first opens it, the last closes it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from worker.aws.boto_subprocess import BotoSubprocess
from worker.aws.clock import ApiClock
from worker.aws.credentials import POLL_SECONDS, RELOAD_SECONDS, Credentials
from worker.aws.endpoint import require_encryption, tls_context
from worker.aws.signing import Signer
from worker.blocking import run_blocking
from worker.http.response_parser import MAX_ANSWER_BYTES
from worker.http.transport import Transport
from worker.version import USER_AGENT

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from worker.aws.endpoint import ServiceEndpoint
    from worker.aws.provider_chain import Loaded
    from worker.aws.services import Service, Wanted


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of one client's calls."""

    connect_seconds: float
    answer_seconds: float
    """From connecting to the last byte of the answer."""
    max_connections: int
    max_answer_bytes: int = MAX_ANSWER_BYTES


class Route(Struct, frozen=True):
    """The way of a client's calls."""

    endpoint: ServiceEndpoint
    signer: Signer
    transport: Transport


class AwsAccess:
    """Shared by the clients of these services. All of it runs on the event loop, except what blocks.

    Args:
        wanted: every service that is to be called; the first one's region is that of the credentials.
        load: finds credentials; by default, botocore's chain.
        clock: epoch seconds, by which keys expire.
        poll_seconds: how often to check whether credentials must be refreshed.
        reload_seconds: refused credentials are loaded from scratch this often at most.
    """

    def __init__(
        self,
        *wanted: Wanted,
        load: Callable[[], Loaded] | None = None,
        clock: Callable[[], float] = time.time,
        poll_seconds: float = POLL_SECONDS,
        reload_seconds: float = RELOAD_SECONDS,
    ) -> None:
        self._wanted = wanted
        self._boto = BotoSubprocess(wanted[0].region if wanted else None)
        self.credentials = Credentials(
            load or self._boto.load,
            poll_seconds=poll_seconds,
            reload_seconds=reload_seconds,
            epoch_seconds=clock,
        )
        self.api_clock = ApiClock(clock)
        self._opening = asyncio.Lock()
        self._users = 0
        self._found: dict[str, tuple[ServiceEndpoint, ssl.SSLContext]] = {}

    async def open(self) -> None:
        """Find endpoints and credentials without blocking the loop. No connection is made yet.

        Raises:
            UnusableSettings: region, endpoint, proxy or certificates are wrong. Missing credentials raise
                nothing: they may still come, and until then calls are answered with a fault.
        """
        async with self._opening:
            if not self._users:
                self._found = await run_blocking(self._resolve)
                await self._open_credentials()
            self._users += 1

    async def close(self) -> None:
        """Stop to refresh the keys, if nobody else uses them. Called once for each ``open``."""
        self._users -= 1
        if not self._users:
            await self.credentials.close()

    def endpoint(self, service: Service) -> ServiceEndpoint:
        """Return where a service is; available once opened."""
        return self._found[service.name][0]

    def route(self, service: Service, limits: Limits) -> Route:
        """Return a new way to a service; whoever asks for it closes its transport."""
        endpoint, tls = self._found[service.name]
        transport = Transport(
            endpoint.url,
            tls=tls,
            user_agent=USER_AGENT,
            connect_seconds=limits.connect_seconds,
            answer_seconds=limits.answer_seconds,
            max_connections=limits.max_connections,
            proxy_url=endpoint.proxy_url,
            proxy_headers=endpoint.proxy_headers,
            on_date=self.api_clock.observe,
            max_answer_bytes=limits.max_answer_bytes,
        )
        return Route(endpoint, _signer(endpoint), transport)

    async def _open_credentials(self) -> None:
        try:
            await self.credentials.open()
        except asyncio.CancelledError:
            # Nobody will close what was never opened.
            await self.credentials.close()
            raise

    def _resolve(self) -> dict[str, tuple[ServiceEndpoint, ssl.SSLContext]]:
        endpoints = self._boto.resolve(*self._wanted)
        for endpoint, wanted in zip(endpoints, self._wanted, strict=True):
            require_encryption(endpoint, wanted)
        # One context for all that trust the same file, because it takes a megabyte.
        trusted = {ca_file: tls_context(ca_file) for ca_file in {each.ca_file for each in endpoints}}
        return {
            wanted.service.name: (endpoint, trusted[endpoint.ca_file])
            for endpoint, wanted in zip(endpoints, self._wanted, strict=True)
        }


def _signer(endpoint: ServiceEndpoint) -> Signer:
    return Signer(
        method=endpoint.method,
        path=endpoint.signed_path,
        host=endpoint.host,
        content_type=endpoint.content_type,
        region=endpoint.region,
        service=endpoint.signing_name,
    )
