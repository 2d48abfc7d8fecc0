"""Records are mapped one by one, each schema is asked for once, and no answer is waited for twice."""

from __future__ import annotations

from contextlib import asynccontextmanager
from io import BytesIO
from typing import TYPE_CHECKING

import fastavro
from msgspec import json, structs

from tests.support.builders import record
from tests.support.registry_api import RegistryApi
from tests.support.stage import settings
from tests.unit.delivery.endpoint import Endpoint
from worker.core.model.records import Interaction, Undecodable
from worker.runtime.mapping_once import NO_ANSWER, MappingOnce
from worker.settings import RecordSettings, SchemaRegistrySettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SCHEMA = {
    "type": "record",
    "name": "Event",
    "fields": [{"name": name, "type": "string"} for name in ("eventType", "sentAt", "sessionId")],
}
EVENT = {"eventType": "view", "sentAt": "2026-01-02T03:04:05Z", "sessionId": "a secret session"}


def framed(schema_id: int) -> bytes:
    written = BytesIO()
    fastavro.schemaless_writer(written, fastavro.parse_schema(SCHEMA), EVENT)
    return b"\0" + schema_id.to_bytes(4, "big") + written.getvalue()


@asynccontextmanager
async def mapping_with(*urls: str) -> AsyncIterator[MappingOnce]:
    mapping = MappingOnce(
        structs.replace(
            settings(),
            record=RecordSettings(format="avro"),
            schema_registry=SchemaRegistrySettings(url=urls),
        )
    )
    try:
        yield mapping
    finally:
        await mapping.close()


def with_schemas(count: int) -> RegistryApi:
    api = RegistryApi()
    for number in range(count):
        api.register(f"events-{number}", {"schema": json.encode(SCHEMA).decode()})
    return api


async def test_each_schema_is_asked_for_once_however_many_records_name_it() -> None:
    async with Endpoint(otherwise=with_schemas(2).answer) as endpoint, mapping_with(endpoint.url) as mapping:
        for schema_id in (1, 2, 1, 2, 2):
            assert isinstance(await mapping.map(record(value=framed(schema_id))), Interaction)
    assert [each.target for each in endpoint.requests] == ["/schemas/ids/1", "/schemas/ids/2"]


async def test_a_schema_that_the_registry_has_not_got_is_the_record_s_fault() -> None:
    async with Endpoint(otherwise=with_schemas(1).answer) as endpoint, mapping_with(endpoint.url) as mapping:
        outcome = await mapping.map(record(value=framed(9)))
        assert isinstance(outcome, Undecodable)
        assert outcome.reason.kind == "unknown_schema"
        assert isinstance(await mapping.map(record(value=framed(1))), Interaction)


async def test_a_registry_that_gives_no_answer_is_told_with_what_to_do_and_not_asked_again() -> None:
    api = with_schemas(2)
    async with Endpoint(otherwise=api.answer) as endpoint, mapping_with(endpoint.url) as mapping:
        assert isinstance(await mapping.map(record(value=framed(1))), Interaction)
        api.away = 503
        for _ in range(3):
            outcome = await mapping.map(record(value=framed(2)))
            assert isinstance(outcome, Undecodable)
            assert outcome.reason.kind == NO_ANSWER
            assert outcome.reason.text.startswith("the registry gives no answer (Http503): the registry")
            assert "secret" not in outcome.reason.text
        # What is known already needs no registry.
        assert isinstance(await mapping.map(record(value=framed(1))), Interaction)
    assert len(endpoint.requests) == 2


async def test_without_a_registry_that_is_told() -> None:
    async with mapping_with() as mapping:
        outcome = await mapping.map(record(value=framed(1)))
    assert isinstance(outcome, Undecodable)
    assert outcome.reason.kind == NO_ANSWER
    assert "schema_registry.url" in outcome.reason.text


async def test_records_that_need_no_schema_ask_nobody() -> None:
    mapping = MappingOnce(settings())
    outcome = await mapping.map(record(value=json.encode(EVENT)))
    await mapping.close()
    assert isinstance(outcome, Interaction)
