from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.aws.chains import NEW, OLD, Chain, resolve_here
from tests.unit.aws.sigv4 import authorization
from tests.unit.delivery.endpoint import HANG, RESET, Endpoint, answer
from worker.aws.access import AwsAccess, Limits
from worker.aws.boto_subprocess import BotoSubprocess
from worker.aws.json_client import Answered, AwsFault, JsonClient, _fault
from worker.aws.services import DYNAMODB, KINESIS, Service, Wanted
from worker.http.reply import Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.delivery.endpoint import Act

TARGET = "Kinesis_20131202.GetRecords"
MIB = 1 << 20


@pytest.fixture(autouse=True)
def boto_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BotoSubprocess, "resolve", resolve_here)


@asynccontextmanager
async def client_of(
    endpoint: Endpoint,
    chain: Chain,
    *,
    service: Service = KINESIS,
    answer_seconds: float = 5,
    max_answer_bytes: int = 65536,
) -> AsyncIterator[JsonClient]:
    access = AwsAccess(Wanted(service, "eu-west-1", endpoint.url), load=chain, reload_seconds=0)
    limits = Limits(
        connect_seconds=5,
        answer_seconds=answer_seconds,
        max_connections=4,
        max_answer_bytes=max_answer_bytes,
    )
    client = JsonClient(service, access, limits)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


def refused(code: str) -> Act:
    return answer(400, b'{"__type":"%b"}' % code.encode())


@pytest.mark.parametrize(("service", "version"), [(KINESIS, "1.1"), (DYNAMODB, "1.0")])
async def test_a_call_is_a_signed_post_with_its_operation_in_a_header(service: Service, version: str) -> None:
    async with (
        Endpoint(answer(200, b'{"a":1}')) as endpoint,
        client_of(endpoint, Chain(NEW), service=service) as client,
    ):
        assert await client.call(TARGET, b"{}") == Answered(b'{"a":1}')
    (request,) = endpoint.requests
    assert (request.method, request.target, request.body) == ("POST", "/", b"{}")
    headers = {name.lower(): value for name, value in request.headers}
    assert headers["content-type"] == f"application/x-amz-json-{version}"
    assert headers["x-amz-target"] == TARGET
    assert headers["authorization"] == authorization(f"{endpoint.url}/", headers, b"{}", NEW, service.name)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (answer(400, b'{"__type":"a.b#X","message":"m"}'), AwsFault(code="X", message="m", status=400)),
        (answer(400, b'{"__type":"X","Message":"m"}'), AwsFault(code="X", message="m", status=400)),
        (answer(400, x_amzn_errortype="X:http://y/"), AwsFault(code="X", status=400)),
        (answer(400, b"", Retry_After="3"), AwsFault(code="Http400", status=400, retry_after_seconds=3)),
        (answer(503, b"<html>"), AwsFault(code="Http503", status=503)),
        (answer(400, b'{"__type":"user 5 said"}'), AwsFault(code="Http400", status=400)),
        (RESET, AwsFault(code="ConnectionReset")),
    ],
)
async def test_what_is_no_success_is_told_by_code_and_made_once(act: Act, expected: AwsFault) -> None:
    async with Endpoint(act) as endpoint, client_of(endpoint, Chain(OLD, NEW)) as client:
        fault = await client.call(TARGET, b"{}")
        assert isinstance(fault, AwsFault)
        assert (fault.code, fault.message, fault.status, fault.retry_after_seconds) == (
            expected.code,
            expected.message,
            expected.status,
            expected.retry_after_seconds,
        )
        assert len(endpoint.requests) == 1


async def test_an_answer_that_does_not_come_in_time_is_a_fault() -> None:
    async with Endpoint(HANG) as endpoint, client_of(endpoint, Chain(OLD), answer_seconds=0.05) as client:
        assert await client.call(TARGET, b"{}") == AwsFault(code="AnswerTimeout")


async def test_an_error_with_more_to_say_than_a_message_keeps_it() -> None:
    body = b'{"__type":"ConditionalCheckFailedException","Item":{"leaseKey":{"S":"x"}}}'
    async with Endpoint(answer(400, body)) as endpoint, client_of(endpoint, Chain(OLD)) as client:
        fault = await client.call(TARGET, b"{}")
    assert isinstance(fault, AwsFault)
    assert fault.details == body


def test_what_a_service_says_is_not_shown_by_accident() -> None:
    fault = AwsFault(code="X", message="secret", status=400, details=b"secret")
    assert "secret" not in f"{fault!r} {[fault]}"


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException"])
async def test_refused_keys_are_loaded_anew_and_the_call_goes_out_once_more(code: str) -> None:
    async with Endpoint(refused(code), answer(200, b"{}")) as endpoint:
        async with client_of(endpoint, Chain(OLD, NEW)) as client:
            assert await client.call(TARGET, b"{}") == Answered(b"{}")
        used = ["AKIDNEW" in str(each.header("Authorization")) for each in endpoint.requests]
        assert used == [False, True]


async def test_the_same_keys_are_not_tried_again() -> None:
    async with Endpoint(refused("AccessDeniedException")) as endpoint:
        async with client_of(endpoint, Chain(OLD, OLD)) as client:
            fault = await client.call(TARGET, b"{}")
        assert isinstance(fault, AwsFault)
        assert fault.code == "AccessDeniedException"
        assert len(endpoint.requests) == 1


async def test_why_there_are_no_new_keys_says_more_than_that_the_old_were_refused() -> None:
    async with Endpoint(refused("ExpiredToken")) as endpoint, client_of(endpoint, Chain(OLD)) as client:
        assert await client.call(TARGET, b"{}") == AwsFault(code="NoCredentials", message="none left")


async def test_without_keys_nothing_is_sent() -> None:
    async with Endpoint() as endpoint, client_of(endpoint, Chain()) as client:
        assert await client.call(TARGET, b"{}") == AwsFault(code="NoCredentials", message="none left")
        assert endpoint.requests == []


@pytest.mark.parametrize("status", [200, 400])
async def test_an_answer_that_is_too_long_is_no_answer(status: int) -> None:
    """Its end is missing."""
    async with (
        Endpoint(answer(status, b"x" * 100_000)) as endpoint,
        client_of(endpoint, Chain(OLD)) as client,
    ):
        assert await client.call(TARGET, b"{}") == AwsFault(code="AnswerTooLong", status=status)


async def test_fifteen_megabytes_arrive_whole() -> None:
    body = bytes(range(256)) * (15 * MIB // 256)
    async with (
        Endpoint(answer(200, body)) as endpoint,
        client_of(endpoint, Chain(OLD), max_answer_bytes=16 * MIB, answer_seconds=60) as client,
    ):
        for _ in range(2):
            endpoint.acts.append(answer(200, body))
            assert await client.call(TARGET, b"{}") == Answered(body)
        assert endpoint.connections == 1


async def test_after_closing_calls_fail_and_closing_again_is_no_fault() -> None:
    async with Endpoint() as endpoint, client_of(endpoint, Chain(OLD)) as client:
        await client.close()
        assert await client.call(TARGET, b"{}") == AwsFault(code="ConnectionReset")
        await client.close()


@given(
    st.integers(100, 999),
    st.text(max_size=30),
    st.text(max_size=30),
    st.binary(max_size=200),
    st.floats(0, 4e9),
)
def test_whatever_the_answer_there_is_a_word_for_it(
    status: int, error_type: str, retry_after: str, body: bytes, now: float
) -> None:
    fault = _fault(Reply(status, error_type, retry_after, "", body), now)
    assert fault.code.replace("_", "").replace(".", "").isalnum()
    assert fault.code.isascii()
    assert fault.retry_after_seconds is None or 0 <= fault.retry_after_seconds <= 60
