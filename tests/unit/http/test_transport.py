from __future__ import annotations

import asyncio

import pytest

from tests.unit.delivery.endpoint import CLOSE, HANG, RESET, Act, Endpoint, answer
from tests.unit.http.posting import HEADERS, OK, transport_to
from worker.http.errors import TransportError
from worker.http.reply import Reply
from worker.http.response_parser import MAX_ANSWER_BYTES


async def test_headers_and_body_arrive_as_given_and_hardly_more() -> None:
    async with Endpoint() as endpoint, transport_to(endpoint.url) as transport:
        assert await transport.post(HEADERS, b'{"a":1}') == OK
    (request,) = endpoint.requests
    assert (request.method, request.target, request.body) == ("POST", "/events", b'{"a":1}')
    assert dict(request.headers) == {**HEADERS, "User-Agent": "personalize-worker/9", "Content-Length": "7"}


async def test_what_stands_below_the_address_is_got_with_no_body() -> None:
    async with Endpoint(answer(200, b"{}")) as endpoint, transport_to(endpoint.url) as transport:
        assert await transport.get("/a%20b?c=d", HEADERS) == Reply(200, body=b"{}")
    (request,) = endpoint.requests
    assert (request.method, request.target, request.body) == ("GET", "/events/a%20b?c=d", b"")
    assert dict(request.headers) == {**HEADERS, "User-Agent": "personalize-worker/9"}


async def test_as_much_of_an_answer_is_kept_as_the_client_wants() -> None:
    body = b"x" * (3 * MAX_ANSWER_BYTES)
    async with (
        Endpoint(answer(200, body)) as endpoint,
        transport_to(endpoint.url, max_answer_bytes=2 * MAX_ANSWER_BYTES) as transport,
    ):
        reply = await transport.get("/", HEADERS)
    assert reply == Reply(200, body=body[: 2 * MAX_ANSWER_BYTES])


async def test_one_connection_serves_calls_that_follow_one_another() -> None:
    chunked = Act(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    acts = [answer(200), answer(400, b"{}"), chunked]
    async with Endpoint(*acts) as endpoint, transport_to(endpoint.url) as transport:
        replies = [await transport.post(HEADERS, b"{}") for _ in range(4)]
        assert [reply.status for reply in replies if isinstance(reply, Reply)] == [200, 400, 200, 200]
        assert endpoint.connections == 1


async def test_no_more_connections_are_made_than_were_allowed() -> None:
    async with Endpoint() as endpoint, transport_to(endpoint.url) as transport:
        replies = await asyncio.gather(*(transport.post(HEADERS, b"{}") for _ in range(20)))
        assert replies == [OK] * 20
        assert endpoint.connections <= 4


async def test_what_an_error_says_comes_with_it() -> None:
    said = {"x_amzn_errortype": "ThrottlingException", "Retry_After": "3", "x_amz_retry_after": "1500"}
    async with (
        Endpoint(answer(400, b'{"message":"m"}', **said)) as endpoint,
        transport_to(endpoint.url) as transport,
    ):
        reply = await transport.post(HEADERS, b"{}")
    assert reply == Reply(400, "ThrottlingException", "3", "1500", b'{"message":"m"}')


@pytest.mark.parametrize("status", [200, 400])
async def test_the_id_of_the_request_comes_with_any_answer(status: int) -> None:
    async with (
        Endpoint(answer(status, x_amzn_requestid=" 8f14e45f ")) as endpoint,
        transport_to(endpoint.url) as transport,
    ):
        assert await transport.post(HEADERS, b"{}") == Reply(status, request_id="8f14e45f")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    async with Endpoint() as elsewhere, Endpoint(answer(status, Location=elsewhere.url)) as endpoint:
        async with transport_to(endpoint.url) as transport:
            assert await transport.post(HEADERS, b"{}") == Reply(status)
        assert elsewhere.requests == []


@pytest.mark.parametrize("act", [RESET, CLOSE])
@pytest.mark.parametrize("calls_before", [0, 1])
async def test_a_lost_connection_is_reported_and_the_call_not_sent_again(act: Act, calls_before: int) -> None:
    """With a call before, it is a kept-alive connection, on which many a client repeats silently."""
    acts = [*[answer(200)] * calls_before, act]
    async with Endpoint(*acts) as endpoint, transport_to(endpoint.url) as transport:
        for _ in range(calls_before):
            assert await transport.post(HEADERS, b"{}") == OK
        assert await transport.post(HEADERS, b"{}") == TransportError("ConnectionReset")
        assert len(endpoint.requests) == calls_before + 1
        assert await transport.post(HEADERS, b"{}") == OK


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 400 X\r\ncontent-length: 9\r\n\r\n{"]
)
async def test_an_answer_that_does_not_end_in_time_is_given_up(beginning: bytes) -> None:
    async with (
        Endpoint(Act(beginning, then="hang")) as endpoint,
        transport_to(endpoint.url, seconds=0.05) as transport,
    ):
        assert await transport.post(HEADERS, b"{}") == TransportError("AnswerTimeout")


async def test_an_answer_that_goes_on_and_on_is_given_up_all_the_same() -> None:
    """The deadline is the call's, not that of the next byte."""
    head = b"HTTP/1.1 500 X\r\ncontent-length: 9999\r\n\r\n"
    async with (
        Endpoint(Act(head, then="drip")) as endpoint,
        transport_to(endpoint.url, seconds=0.1) as transport,
    ):
        assert await transport.post(HEADERS, b"{}") == TransportError("AnswerTimeout")
        await endpoint.left()


@pytest.mark.parametrize("length", ["content-length: 9", "transfer-encoding: chunked"])
async def test_half_an_answer_is_none(length: str) -> None:
    half = Act(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n3".encode(), then="close")
    async with Endpoint(half) as endpoint, transport_to(endpoint.url) as transport:
        assert await transport.post(HEADERS, b"{}") == TransportError("AnswerCutShort")


async def test_what_is_no_http_is_unreadable() -> None:
    async with (
        Endpoint(Act(b"220 smtp ready\r\n\r\n", then="close")) as endpoint,
        transport_to(endpoint.url) as transport,
    ):
        assert await transport.post(HEADERS, b"{}") == TransportError("AnswerUnreadable")


async def test_of_a_huge_answer_only_the_beginning_is_read() -> None:
    head = b"HTTP/1.1 500 X\r\ncontent-length: 99999999\r\n\r\n"
    huge = Act(head + b"x" * (4 * MAX_ANSWER_BYTES), then="hang")
    async with Endpoint(huge) as endpoint, transport_to(endpoint.url) as transport:
        assert await transport.post(HEADERS, b"{}") == Reply(500, body=b"x" * MAX_ANSWER_BYTES)
        assert await transport.post(HEADERS, b"{}") == OK
        assert endpoint.connections == 2


async def test_a_cancelled_call_is_cancelled() -> None:
    async with Endpoint(HANG) as endpoint, transport_to(endpoint.url) as transport:
        call = asyncio.ensure_future(transport.post(HEADERS, b"{}"))
        await endpoint.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_closing_breaks_the_calls_under_way() -> None:
    async with Endpoint(HANG) as endpoint:
        async with transport_to(endpoint.url) as transport:
            call = asyncio.ensure_future(transport.post(HEADERS, b"{}"))
            await endpoint.asked.wait()
        assert await call == TransportError("ConnectionReset")
