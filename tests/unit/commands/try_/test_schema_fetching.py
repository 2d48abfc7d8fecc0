"""A schema that records name is fetched once, and the record tried again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from tests.support.builders import record
from tests.support.registry_api import RegistryApi
from tests.support.stage import settings
from tests.unit.delivery.endpoint import Endpoint
from worker.commands.try_.sampled import CannotRead
from worker.commands.try_.schema_fetching import SchemaFetching, schema_fetching
from worker.formats.protocol import NeedsSchema
from worker.formats.schemas import Schema, SchemaId
from worker.settings import SchemaRegistrySettings

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


def asked_of(*urls: str) -> object:
    """What comes of a record that names schema 1."""
    registry = SchemaRegistrySettings(url=urls)
    with schema_fetching(structs.replace(settings(), schema_registry=registry)) as fetching:
        return fetching.answered(lambda _: fetching.schemas.get(1) or NeedsSchema(1))(record())


def test_where_nobody_can_be_asked_that_is_said() -> None:
    with pytest.raises(CannotRead, match=r"^schema 1: nobody can be asked for it: set schema_registry\.url"):
        asked_of()


async def test_the_registry_is_asked_that_is_configured() -> None:
    api = RegistryApi()
    api.register("events", {"schema": '"string"'})
    async with Endpoint(otherwise=api.answer) as endpoint:
        assert await asyncio.to_thread(asked_of, endpoint.url) == AVRO
        api.away = 503
        with pytest.raises(CannotRead, match=r"^schema 1: the registry gives no answer"):
            await asyncio.to_thread(asked_of, endpoint.url)
