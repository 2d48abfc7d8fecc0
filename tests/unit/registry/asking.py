"""A registry's client, as the tests want it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from worker.registry.client import RegistryClient
from worker.settings import SchemaRegistrySettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def client_of(*urls: str, serialized: bool = False, **more: Any) -> AsyncIterator[RegistryClient]:
    client = RegistryClient(SchemaRegistrySettings(url=urls, **more), serialized=serialized)
    await client.open()
    try:
        yield client
    finally:
        await client.close()
