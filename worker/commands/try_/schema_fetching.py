"""Fetches the schemas that records name, where decoding them needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from worker.commands.try_.sampled import CannotRead
from worker.formats.protocol import NeedsSchema
from worker.formats.schemas import Schemas

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.records import Record
    from worker.formats.schemas import Schema, SchemaId, Unknown

T = TypeVar("T")


def fetch_nothing(schema_id: SchemaId) -> Schema | Unknown:
    """Ask nobody, because no registry is configured."""
    at = f"schema {schema_id}"
    raise CannotRead(at, "nobody can be asked for it: set record.schema_file, or a registry")


class SchemaFetching:
    """The schemas known so far, and whom to ask for others.

    Args:
        fetch: returns a schema, or UNKNOWN; raises CannotRead. It blocks.
    """

    def __init__(self, fetch: Callable[[SchemaId], Schema | Unknown] = fetch_nothing) -> None:
        self.schemas = Schemas()
        self._fetch = fetch

    def answered(self, decode: Callable[[Record], T | NeedsSchema]) -> Callable[[Record], T]:
        """Return the same function, which fetches the schema and tries again where one is needed."""

        def decode_with_schema(record: Record) -> T:
            while isinstance(found := decode(record), NeedsSchema):
                self.schemas.put(found.id, self._fetch(found.id))
            return found

        return decode_with_schema
