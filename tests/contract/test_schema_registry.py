"""The registry of the tests and srfake are asked the same; both must answer the client alike."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from tests.support.registry_api import RegistryApi
from tests.support.srfake import srfake
from tests.unit.delivery.endpoint import Endpoint
from tests.unit.registry.asking import client_of
from worker.blocking import run_blocking
from worker.formats.schemas import UNKNOWN, Schema
from worker.ports import RegistryFault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

LOGIN = "Basic bWU6cHc="
RIGHT: Any
WRONG: Any
RIGHT, WRONG = {"user": "me", "password": "pw"}, {"user": "me", "password": "wp"}
BASE = '{"type":"record","name":"Base","fields":[]}'
TOP = '{"type":"record","name":"Top","fields":[{"name":"b","type":"Base"}]}'


def register_by_http(url: str, subject: str, schema: dict[str, Any]) -> int:
    headers = {"Content-Type": "application/json", "Authorization": LOGIN}
    request = Request(f"{url}/subjects/{subject}/versions", json.dumps(schema).encode(), headers)  # noqa: S310  loopback
    with urlopen(request) as reply:  # noqa: S310  loopback
        return int(json.load(reply)["id"])


@asynccontextmanager
async def registry(which: str) -> AsyncIterator[tuple[str, Callable[[str, dict[str, Any]], Awaitable[int]]]]:
    if which == "srfake":
        with srfake(LOGIN) as url:
            yield url, lambda subject, schema: run_blocking(lambda: register_by_http(url, subject, schema))
        return
    api = RegistryApi(LOGIN)

    async def register(subject: str, schema: dict[str, Any]) -> int:
        return api.register(subject, schema)

    async with Endpoint(otherwise=api.answer) as endpoint:
        yield endpoint.url, register


@pytest.mark.parametrize("which", ["srfake", "twin"])
async def test_both_answer_the_client_alike(which: str) -> None:
    async with registry(which) as (url, register):
        await register("base", {"schema": BASE, "schemaType": "AVRO"})
        reference = {"name": "Base", "subject": "base", "version": 1}
        top = await register("top", {"schema": TOP, "schemaType": "AVRO", "references": [reference]})
        of_json = await register("j", {"schema": '{"type":"object"}', "schemaType": "JSON"})
        async with client_of(url, **RIGHT) as client:
            assert await client.knock() is None
            found = await client.fetch(top)
            assert isinstance(found, Schema)
            assert json.loads(found.text) == json.loads(TOP)
            ((name, base),) = found.references
            assert (name, json.loads(base.text)) == ("Base", json.loads(BASE))
            assert (await client.fetch(of_json)) == Schema("JSON", '{"type":"object"}')
            assert await client.fetch(999) is UNKNOWN
        async with client_of(f"{url}/elsewhere", **RIGHT) as client:
            assert await client.fetch(top) == RegistryFault("NotTheRegistry", 404)
        async with client_of(url, **WRONG) as client:
            # srfake answers 403, as a registry does that knows the login and allows it nothing.
            refused = {"srfake": RegistryFault("Forbidden", 403), "twin": RegistryFault("LoginRefused", 401)}
            assert await client.fetch(top) == refused[which]
            assert await client.knock() == refused[which]
