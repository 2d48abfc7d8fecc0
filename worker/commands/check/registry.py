"""The schema registry's part of ``check``: does it answer, and does it accept the login?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import structs

from worker.commands.check.finding import Finding, failed, fine
from worker.core.flow_control.advice import advise
from worker.core.flow_control.holds import HoldKind
from worker.registry.client import RegistryClient
from worker.registry.trust import UnusableRegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.ports import RegistryFault
    from worker.settings import SchemaRegistrySettings, Settings


def registry_findings(settings: Settings) -> Iterator[Finding]:
    """Check each address by itself, because a worker would go on with those that answer."""
    registry = settings.schema_registry
    for url in registry.url:
        what = f"schema registry {url}"
        try:
            fault = asyncio.run(_knock(structs.replace(registry, url=(url,))))
        except UnusableRegistryError as error:
            yield failed(what, str(error))
            continue
        if fault is None:
            yield fine(what, "answers, and accepts the login" if _logs_in(registry) else "answers")
        else:
            yield failed(what, f"{fault.code}: {advise(HoldKind.SCHEMA_REGISTRY, fault.code)}")


async def _knock(settings: SchemaRegistrySettings) -> RegistryFault | None:
    client = RegistryClient(settings)
    try:
        await client.open()
        return await client.knock()
    finally:
        await client.close()


def _logs_in(settings: SchemaRegistrySettings) -> bool:
    return settings.user is not None or settings.token is not None
