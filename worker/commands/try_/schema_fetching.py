"""Fetches the schemas that records name, where decoding them needs one.

``try`` reads its records one after the other, and the registry's client lives on an event loop. So there is
one here, which runs for the time of a question.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from worker.commands.try_.sampled import CannotRead
from worker.core.flow_control.advice import advise
from worker.core.flow_control.holds import HoldKind
from worker.formats.protocol import NeedsSchema
from worker.formats.schemas import Schemas
from worker.ports import RegistryFault
from worker.runtime.wiring import registry_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.core.model.records import Record
    from worker.formats.schemas import Schema, SchemaId, Unknown
    from worker.settings import Settings

T = TypeVar("T")


class SchemaFetching:
    """The schemas known so far, and whom to ask for others.

    Args:
        fetch: returns a schema, or UNKNOWN; raises CannotRead. It blocks.
    """

    def __init__(self, fetch: Callable[[SchemaId], Schema | Unknown]) -> None:
        self.schemas = Schemas()
        self._fetch = fetch

    def answered(self, decode: Callable[[Record], T | NeedsSchema]) -> Callable[[Record], T]:
        """Return the same function, which fetches the schema and tries again where one is needed."""

        def decode_with_schema(record: Record) -> T:
            while isinstance(found := decode(record), NeedsSchema):
                self.schemas.put(found.id, self._fetch(found.id))
            return found

        return decode_with_schema


@contextmanager
def schema_fetching(settings: Settings) -> Iterator[SchemaFetching]:
    """Yield what fetches schemas from the registry that is configured, if records need one."""
    registry = registry_client(settings)
    if registry is None:
        yield SchemaFetching(_fetch_nothing)
        return
    with asyncio.Runner() as runner:
        runner.run(registry.open())
        try:
            yield SchemaFetching(lambda schema_id: _counted(schema_id, runner.run(registry.fetch(schema_id))))
        finally:
            runner.run(registry.close())


def _fetch_nothing(schema_id: SchemaId) -> Schema | Unknown:
    at, why = (
        f"schema {schema_id}",
        "nobody can be asked for it: set schema_registry.url, or record.schema_file",
    )
    raise CannotRead(at, why)


def _counted(schema_id: SchemaId, answer: Schema | Unknown | RegistryFault) -> Schema | Unknown:
    """Return the answer, if it counts."""
    if isinstance(answer, RegistryFault):
        at, advice = f"schema {schema_id}", advise(HoldKind.SCHEMA_REGISTRY, answer.code)
        why = f"the registry gives no answer ({answer.code}): {advice}"
        raise CannotRead(at, why)
    return answer
