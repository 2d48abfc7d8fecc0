"""Against a real HTTP server: what is asked, what each answer means, and that nothing is ever raised."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.registry_api import RegistryApi
from tests.support.samples import sample
from tests.unit.delivery.endpoint import CLOSE, HANG, RESET, Act, Endpoint, answer
from tests.unit.http.test_dialing import serving
from tests.unit.registry.asking import client_of
from worker.core.flow_control.registry_advice import advise_registry
from worker.formats.schemas import UNKNOWN, Schema
from worker.ports import RegistryFault
from worker.registry.client import CIRCULAR_REFERENCES, REFERENCE_MISSING

if TYPE_CHECKING:
    from pathlib import Path

TEXT = '{"type":"record","name":"E","fields":[]}'
GUID = "89791762-2336-4186-9674-299b90a802e2"


def schema(text: str = TEXT, **more: object) -> bytes:
    return json.dumps({"schema": text, **more}).encode()


async def test_a_schema_is_asked_for_by_its_id_and_avro_where_no_kind_is_said() -> None:
    async with Endpoint(answer(200, schema())) as endpoint, client_of(endpoint.url) as client:
        assert await client.fetch(7) == Schema("AVRO", TEXT)
    (request,) = endpoint.requests
    assert (request.method, request.target) == ("GET", "/schemas/ids/7")
    assert request.header("host") == f"127.0.0.1:{endpoint.port}"
    assert request.header("authorization") is None


async def test_an_id_of_text_is_a_guid_and_protobuf_is_wanted_in_binary_under_a_path() -> None:
    acts = answer(200, schema("CgE=", schemaType="PROTOBUF"))
    async with (
        Endpoint(acts) as endpoint,
        client_of(f"{endpoint.url}/apis/ccompat/v7", serialized=True) as client,
    ):
        assert await client.fetch(GUID) == Schema("PROTOBUF", "CgE=")
    assert endpoint.requests[0].target == f"/apis/ccompat/v7/schemas/guids/{GUID}?format=serialized"


@pytest.mark.parametrize(
    ("login", "header"),
    [
        ({"user": "ué", "password": "p:w "}, "Basic " + b64encode("ué:p:w ".encode()).decode()),
        ({"token": "abc"}, "Bearer abc"),
    ],
)
async def test_the_login_goes_with_each_question(login: dict[str, Any], header: str) -> None:
    api = RegistryApi(header)
    number = api.register("s", {"schema": TEXT})
    async with Endpoint(otherwise=api.answer) as endpoint:
        async with client_of(endpoint.url, **login) as client:
            assert isinstance(await client.fetch(number), Schema)
        async with client_of(endpoint.url) as client:
            assert await client.fetch(number) == RegistryFault("LoginRefused", 401)


async def test_what_a_schema_refers_to_comes_with_it_and_is_asked_for_once() -> None:
    api = RegistryApi()
    api.register("base/a b", {"schema": "1"})
    api.register("mid", {"schema": "2", "references": [{"name": "x", "subject": "base/a b", "version": 1}]})
    both = [
        {"name": "m", "subject": "mid", "version": 1},
        {"name": "x", "subject": "base/a b", "version": 1},
    ]
    top, other = api.register("top", {"schema": "3", "references": both}), api.register("o", {"schema": "4"})
    async with Endpoint(otherwise=api.answer) as endpoint, client_of(endpoint.url) as client:
        base = Schema("AVRO", "1")
        wanted = Schema("AVRO", "3", (("m", Schema("AVRO", "2", (("x", base),))), ("x", base)))
        assert await client.fetch(top) == wanted
        assert await client.fetch(top) == wanted
        assert await client.fetch(other) == Schema("AVRO", "4")
    targets = [each.target for each in endpoint.requests]
    assert targets.count("/subjects/base%2Fa%20b/versions/1?deleted=true") == 1
    assert len(targets) == 5


async def test_schemas_that_refer_to_one_another_in_a_circle_are_refused() -> None:
    api = RegistryApi()
    api.register("a", {"schema": "1", "references": [{"name": "b", "subject": "b", "version": 1}]})
    api.register("b", {"schema": "2", "references": [{"name": "a", "subject": "a", "version": 1}]})
    async with Endpoint(otherwise=api.answer) as endpoint, client_of(endpoint.url) as client:
        assert await client.fetch(1) == CIRCULAR_REFERENCES


async def test_a_reference_that_is_missing_makes_no_dead_letters() -> None:
    api = RegistryApi()
    api.register("a", {"schema": "1", "references": [{"name": "b", "subject": "b", "version": 1}]})
    async with Endpoint(otherwise=api.answer) as endpoint, client_of(endpoint.url) as client:
        assert await client.fetch(1) == REFERENCE_MISSING


@pytest.mark.parametrize(
    ("act", "meaning"),
    [
        (answer(404, b'{"error_code":40403,"message":"m"}'), UNKNOWN),
        (answer(404, b'{"error_code":40400,"message":"m"}'), UNKNOWN),
        (answer(404, b'{"error_code":404,"message":"m"}'), RegistryFault("NotTheRegistry", 404)),
        (answer(404, b"<html>"), RegistryFault("NotTheRegistry", 404)),
        (answer(401), RegistryFault("LoginRefused", 401)),
        (answer(403), RegistryFault("Forbidden", 403)),
        (answer(503), RegistryFault("Http503", 503)),
        (answer(302, location="http://127.0.0.1:9/"), RegistryFault("Http302", 302)),
        (answer(200, b"<html>"), RegistryFault("AnswerUnreadable", 200)),
        (answer(200, b'{"schema":1}'), RegistryFault("AnswerUnreadable", 200)),
        (answer(200, schema(schemaType="XML")), RegistryFault("UnknownKindOfSchema", 200)),
        (RESET, RegistryFault("ConnectionReset")),
        (CLOSE, RegistryFault("ConnectionReset")),
        (HANG, RegistryFault("AnswerTimeout")),
    ],
)
async def test_only_the_registrys_own_word_says_that_there_is_no_such_schema(
    act: Act, meaning: object
) -> None:
    async with Endpoint(otherwise=lambda _: act) as endpoint, client_of(endpoint.url, seconds=0.3) as client:
        assert await client.fetch(7) == meaning
    if isinstance(meaning, RegistryFault):
        assert advise_registry(meaning.code)


async def test_a_schema_larger_than_an_error_is_read_whole() -> None:
    text = "x" * 1_000_000
    async with Endpoint(answer(200, schema(text))) as endpoint, client_of(endpoint.url) as client:
        assert await client.fetch(7) == Schema("AVRO", text)


async def test_the_next_address_is_asked_where_one_fails_and_then_first() -> None:
    api = RegistryApi()
    number = api.register("s", {"schema": TEXT})
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}"
        async with (
            Endpoint(otherwise=lambda _: answer(503)) as failing,
            Endpoint(otherwise=api.answer) as good,
        ):
            async with client_of(dead, failing.url, good.url) as client:
                assert await client.fetch(number) == Schema("AVRO", TEXT)
                assert await client.fetch(number) == Schema("AVRO", TEXT)
            assert len(failing.requests) == 1
            assert len(good.requests) == 2


async def test_an_address_that_refuses_the_login_is_believed() -> None:
    async with Endpoint(otherwise=lambda _: answer(401)) as first, Endpoint() as second:
        async with client_of(first.url, second.url) as client:
            assert await client.fetch(7) == RegistryFault("LoginRefused", 401)
        assert second.requests == []


async def test_an_authority_of_ones_own_is_trusted_where_it_is_named_and_a_certificate_is_shown(
    certificate: Path,
) -> None:
    async with Endpoint(answer(200, schema()), tls=serving(certificate)) as endpoint:
        more: Any = {"ca_file": str(certificate), "client_certificate_file": str(certificate)}
        async with client_of(endpoint.url, **more) as client:
            assert await client.fetch(7) == Schema("AVRO", TEXT)
        async with client_of(endpoint.url) as client:
            assert await client.fetch(7) == RegistryFault("CertificateRejected")


async def test_the_proxy_of_the_environment_is_used_with_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Endpoint(answer(200, schema())) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:pw@127.0.0.1:{proxy.port}")
        async with client_of("http://registry.example/base") as client:
            assert await client.fetch(7) == Schema("AVRO", TEXT)
    (request,) = proxy.requests
    assert request.target == "http://registry.example/base/schemas/ids/7"
    assert request.header("host") == "registry.example"
    assert request.header("proxy-authorization") == "Basic " + b64encode(b"me:pw").decode()


@pytest.mark.parametrize(
    ("act", "fault"),
    [
        (answer(200, schema()), None),
        (answer(200, b"<html>"), RegistryFault("AnswerUnreadable", 200)),
        (answer(404, b'{"error_code":40401}'), None),
        (answer(404, b"x"), RegistryFault("NotTheRegistry", 404)),
        (answer(401), RegistryFault("LoginRefused", 401)),
    ],
)
async def test_a_knock_tells_whether_there_is_a_registry_that_accepts_us(
    act: Act, fault: RegistryFault | None
) -> None:
    async with Endpoint(act) as endpoint, client_of(endpoint.url) as client:
        assert await client.knock() == fault


WORDS = [
    *(b"{", b"}", b"]", b"1", b"-1", b"null", b",", b"\xff", b"\x00", b"[" * 5000),
    *(b'"schema":', b'"x"', b'"references":[', b'{"name":"a",', b'"subject":"s","version":'),
    *(b'"schemaType":"AVRO"', b'"error_code":40403'),
]
STATUSES = [200, 200, 200, 204, 206, 301, 400, 401, 404, 404, 409, 418, 429, 500, 503, 599, 999]


def odd_acts(seed: int) -> Act:
    """An answer as no registry gives it, drawn from what answers are made of."""
    chance = random.Random(seed)  # noqa: S311  answers, not secrets
    body = b"".join(chance.choices(WORDS, k=chance.randrange(12)))
    body = chance.choice([body, b'{"schema":"x","references":[' + body + b"]}", chance.randbytes(40)])
    status = chance.choice(STATUSES)
    made = answer(status, body)
    if chance.random() < 0.1:
        return Act(chance.randbytes(chance.randrange(300)), "close")
    return Act(made.answer, chance.choice(["keep", "keep", "close"]))


async def test_whatever_is_answered_nothing_is_raised() -> None:
    seeds = iter(range(10**9))
    async with (
        Endpoint(otherwise=lambda _: odd_acts(next(seeds))) as endpoint,
        client_of(endpoint.url, seconds=5) as client,
    ):
        for number in range(sample(300, 1500)):
            async with asyncio.timeout(60):
                assert await client.fetch(number) is not None
