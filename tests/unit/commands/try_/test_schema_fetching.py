"""A schema that records name is fetched once, and the record tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.builders import record
from worker.commands.try_.sampled import CannotRead
from worker.commands.try_.schema_fetching import SchemaFetching
from worker.formats.protocol import NeedsSchema
from worker.formats.schemas import Schema, SchemaId

if TYPE_CHECKING:
    from worker.core.model.records import Record

AVRO = Schema("AVRO", '"string"')


def test_it_is_fetched_once() -> None:
    asked: list[SchemaId] = []

    def fetch(schema_id: SchemaId) -> Schema:
        asked.append(schema_id)
        return AVRO

    fetching = SchemaFetching(fetch)

    def decode(_: Record) -> object | NeedsSchema:
        return fetching.schemas.get(7) or NeedsSchema(7)

    answered = fetching.answered(decode)
    assert [answered(record(offset)) for offset in range(3)] == [AVRO] * 3
    assert asked == [7]


def test_where_nobody_can_be_asked_that_is_said() -> None:
    with pytest.raises(CannotRead, match=r"^schema 7: nobody can be asked for it: set record\.schema_file"):
        SchemaFetching().answered(lambda _: NeedsSchema(7))(record())
