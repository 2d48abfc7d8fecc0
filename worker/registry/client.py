"""Asks the schema registry: one question at a time for one schema, at each of its addresses if need be.

Nothing is tried again here; whoever asks decides about that. A schema never changes under its id, nor under
its subject and version, so what a schema refers to is asked for once.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Final, Literal, cast
from urllib.parse import quote

from worker.blocking import run_blocking
from worker.formats.schemas import Schema, Unknown
from worker.http.errors import TransportError
from worker.http.transport import Transport
from worker.ports import RegistryFault
from worker.registry.answers import is_passing, read
from worker.registry.proxies import host_header, proxy_for
from worker.registry.trust import registry_trust
from worker.version import USER_AGENT

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from worker.formats.schemas import SchemaId
    from worker.http.reply import Reply
    from worker.registry.answers import Found, Reference
    from worker.settings import SchemaRegistrySettings

_MAX_ANSWER_BYTES: Final = 4 << 20
_MAX_CONNECTIONS: Final = 4
# A schema that refers to so many others, one by way of another, is nobody's.
_MAX_REFERENCES: Final = 1000
_CACHED_REFERENCES: Final = 1000
_ACCEPT: Final = "application/vnd.schemaregistry.v1+json, application/json"

TOO_MANY_REFERENCES: Final = RegistryFault("TooManyReferences", 200)
CIRCULAR_REFERENCES: Final = RegistryFault("CircularReferences", 200)
REFERENCE_MISSING: Final = RegistryFault("ReferenceMissing", 200)


class RegistryClient:
    """Implements ``ports.SchemaRegistry``. Open it before use, and close it after.

    Args:
        settings: where the registry is, and how to log in.
        serialized: whether to ask for the binary form of schemas, which only those of Protobuf have.
    """

    def __init__(self, settings: SchemaRegistrySettings, *, serialized: bool = False) -> None:
        self._settings = settings
        self._query = "?format=serialized" if serialized else ""
        self._login = _login(settings)
        self._addresses: list[_Address] = []
        self._references: dict[tuple[str, int], Schema] = {}

    async def open(self) -> None:
        """Read the files of certificates, and find the proxies; nothing is asked yet.

        Raises:
            UnusableRegistryError: a file is of no use any more, or a proxy's address is none.
        """
        tls = await run_blocking(lambda: registry_trust(self._settings))
        self._addresses = [_Address(url, self._transport(url, tls)) for url in self._settings.url]

    async def close(self) -> None:
        """Close the connections. It may be called twice, and without ``open``."""
        for each in self._addresses:
            await each.transport.close()

    async def fetch(self, schema_id: SchemaId) -> Schema | Unknown | RegistryFault:
        """Return the schema with all that it refers to. Raises nothing but cancellation."""
        room = "ids" if isinstance(schema_id, int) else "guids"
        found = await self._ask(f"/schemas/{room}/{quote(str(schema_id), safe='')}{self._query}")
        if isinstance(found, Unknown | RegistryFault):
            return found
        return await _Resolution(self).resolve(found, ())

    async def knock(self) -> RegistryFault | None:
        """Ask for some schema; None if the registry answers and accepts the login.

        Every registry knows this question, and it is the one that the worker's login has to be allowed.
        """
        found = await self._ask("/schemas/ids/1")
        return found if isinstance(found, RegistryFault) else None

    async def reference(self, reference: Reference) -> Found | Unknown | RegistryFault:
        """Ask for a schema by subject and version, even if it was deleted since."""
        path = f"/subjects/{quote(reference.subject, safe='')}/versions/{reference.version}"
        return await self._ask(f"{path}{self._query}{'&' if self._query else '?'}deleted=true")

    def known(self, key: tuple[str, int]) -> Schema | None:
        """Return what subject and version stand for, if it was asked for before."""
        return self._references.get(key)

    def note(self, key: tuple[str, int], schema: Schema) -> None:
        """Remember it; the first one goes when there are too many."""
        if len(self._references) >= _CACHED_REFERENCES:
            del self._references[next(iter(self._references))]
        self._references[key] = schema

    async def _ask(self, path: str) -> Found | Unknown | RegistryFault:
        reply = await self._get(path)
        return reply if isinstance(reply, RegistryFault) else read(reply)

    async def _get(self, path: str) -> Reply | RegistryFault:
        """Ask one address after the other, beginning with the one that answered last."""
        last = RegistryFault("NoAddress")
        for address in list(self._addresses):
            reply = await address.transport.get(path, {"Host": address.host, **self._headers})
            if isinstance(reply, TransportError):
                last = RegistryFault(reply.code)
                continue
            fault = None if reply.status == 200 else read(reply)  # noqa: PLR2004  HTTP's
            if not isinstance(fault, RegistryFault) or not is_passing(fault):
                self._addresses.remove(address)
                self._addresses.insert(0, address)
                return reply
            last = fault
        return last

    @property
    def _headers(self) -> Mapping[str, str]:
        return {"Accept": _ACCEPT, **self._login}

    def _transport(self, url: str, tls: ssl.SSLContext) -> Transport:
        proxy_url, proxy_headers = proxy_for(url)
        return Transport(
            url,
            tls=tls,
            user_agent=USER_AGENT,
            connect_seconds=self._settings.seconds,
            answer_seconds=self._settings.seconds,
            max_connections=_MAX_CONNECTIONS,
            proxy_url=proxy_url,
            proxy_headers=proxy_headers,
            on_date=lambda _: None,
            max_answer_bytes=_MAX_ANSWER_BYTES,
        )


class _Address:
    """One address of the registry."""

    def __init__(self, url: str, transport: Transport) -> None:
        self.transport = transport
        self.host = host_header(url)


class _Resolution:
    """The search for all that one schema refers to."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._asked = 0

    async def resolve(self, found: Found, above: tuple[tuple[str, int], ...]) -> Schema | RegistryFault:
        """Return the schema with its references; ``above`` are those on the way to it."""
        references: list[tuple[str, Schema]] = []
        for each in found.references:
            schema = await self._look_up(each, above)
            if isinstance(schema, RegistryFault):
                return schema
            references.append((each.name, schema))
        kind = cast("Literal['AVRO', 'JSON', 'PROTOBUF']", found.kind)
        return Schema(kind, found.text, tuple(references))

    async def _look_up(
        self, reference: Reference, above: tuple[tuple[str, int], ...]
    ) -> Schema | RegistryFault:
        key = reference.subject, reference.version
        if key in above:
            return CIRCULAR_REFERENCES
        if (schema := self._client.known(key)) is not None:
            return schema
        self._asked += 1
        if self._asked > _MAX_REFERENCES:
            return TOO_MANY_REFERENCES
        found = await self._client.reference(reference)
        if isinstance(found, Unknown):
            return REFERENCE_MISSING
        if isinstance(found, RegistryFault):
            return found
        resolved = await self.resolve(found, (*above, key))
        if isinstance(resolved, Schema):
            self._client.note(key, resolved)
        return resolved


def _login(settings: SchemaRegistrySettings) -> dict[str, str]:
    if settings.token is not None:
        return {"Authorization": f"Bearer {settings.token}"}
    if settings.user is None:
        return {}
    pair = b64encode(f"{settings.user}:{settings.password or ''}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}
