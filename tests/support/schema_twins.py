"""Twins in memory of a schema registry, and of a format whose records need schemas."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from tests.support.twins import map_plainly
from worker.core.model.records import Reason, Undecodable
from worker.formats.protocol import UNKNOWN_SCHEMA, NeedsSchema
from worker.formats.schemas import UNKNOWN, Schema, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from msgspec import Struct

    from worker.core.model.records import Mapped, Record
    from worker.formats.schemas import SchemaId, Schemas
    from worker.ports import RegistryFault

A_SCHEMA = Schema("AVRO", '"string"')


def mapping_by(schemas: Schemas) -> Callable[[Record], Mapped | NeedsSchema]:
    """As ``map_plainly``, with ``ID!`` before the value where it needs a schema."""

    def map_record(record: Record) -> Mapped | NeedsSchema:
        text = (record.value or b"").decode()
        number, mark, rest = text.partition("!")
        if not mark:
            return map_plainly(record)
        match schemas.get(int(number)):
            case None:
                return NeedsSchema(int(number))
            case Unknown():
                return Undecodable(record, Reason(UNKNOWN_SCHEMA, f"the registry has no schema {number}"))
            case Schema():
                mapped = map_plainly(_with_value(record, rest.encode()))
                return _of(mapped, record)

    return map_record


def _with_value(record: Record, value: bytes) -> Record:
    return type(record)(
        record.assignment,
        record.offset,
        record.timestamp_ms,
        record.key,
        value,
        record.headers,
        record.received_at,
    )


def _of(mapped: Struct, record: Record) -> Mapped:
    """What was made of a copy, as if it had been made of the record itself."""
    fields = {name: getattr(mapped, name) for name in mapped.__struct_fields__} | {"record": record}
    return type(mapped)(**fields)


class RegistryTwin:
    """A registry: has what the test gives it, answers after as long as the test says."""

    def __init__(self, *ids: SchemaId, seconds: float = 0.02) -> None:
        self.has: dict[SchemaId, Schema] = dict.fromkeys(ids, A_SCHEMA)
        self.fault: RegistryFault | None = None
        self.seconds = seconds
        self.asked: Counter[SchemaId] = Counter()
        self.asked_at: list[float] = []
        self.at_once = 0
        self.most_at_once: Counter[SchemaId] = Counter()
        self._under_way: Counter[SchemaId] = Counter()

    async def fetch(self, schema_id: SchemaId) -> Schema | Unknown | RegistryFault:
        self.asked[schema_id] += 1
        self.asked_at.append(asyncio.get_running_loop().time())
        self._under_way[schema_id] += 1
        self.most_at_once[schema_id] = max(self.most_at_once[schema_id], self._under_way[schema_id])
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self._under_way[schema_id] -= 1
        return self.fault or self.has.get(schema_id, UNKNOWN)
