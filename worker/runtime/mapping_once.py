"""Maps records one by one, for commands that look at records and send nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.core.flow_control.advice import advise
from worker.core.flow_control.holds import HoldKind
from worker.core.model.records import Reason, Undecodable
from worker.formats.protocol import NeedsSchema
from worker.formats.schemas import Schemas
from worker.ports import RegistryFault
from worker.runtime.wiring import record_mapping, registry_client

if TYPE_CHECKING:
    from worker.core.model.records import Mapped, Record
    from worker.settings import Settings

NO_ANSWER: Final = "schema_registry"
"""The kind of reason for a record whose schema could not be had; here only, for a worker waits for it."""


class MappingOnce:
    """The configured mapping, with the registry if there is one. Close it after use.

    Args:
        settings: as configured.
    """

    def __init__(self, settings: Settings) -> None:
        self._schemas = Schemas()
        self._map = record_mapping(settings, self._schemas)
        self._registry = registry_client(settings)
        self._is_open = False
        self._fault: RegistryFault | None = None

    async def map(self, record: Record) -> Mapped:
        """Return what the record becomes; a schema that it needs is asked for once."""
        mapped = self._map(record)
        while isinstance(mapped, NeedsSchema):
            if (fault := await self._fetch(mapped)) is not None:
                advice = advise(HoldKind.SCHEMA_REGISTRY, fault.code)
                return Undecodable(
                    record, Reason(NO_ANSWER, f"the registry gives no answer ({fault.code}): {advice}")
                )
            mapped = self._map(record)
        return mapped

    async def close(self) -> None:
        """Close the connections to the registry."""
        if self._registry is not None:
            await self._registry.close()

    async def _fetch(self, needs: NeedsSchema) -> RegistryFault | None:
        # An answer that did not come once is not waited for with each record.
        if self._fault is not None or self._registry is None:
            return self._fault or RegistryFault("NoRegistry")
        if not self._is_open:
            await self._registry.open()
            self._is_open = True
        answer = await self._registry.fetch(needs.id)
        if isinstance(answer, RegistryFault):
            self._fault = answer
            return answer
        self._schemas.put(needs.id, answer)
        return None
