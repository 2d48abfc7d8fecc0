"""The local PutEvents, called by the real boto3 client and by bare HTTP."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError

from tests.unit.local.calls import call, client, event
from worker.local.call_log import read_lines
from worker.local.faults import Faults
from worker.local.put_events import LocalPutEvents

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OTHER = "other"


@pytest.fixture
async def endpoint() -> AsyncIterator[LocalPutEvents]:
    async with LocalPutEvents() as running:
        yield running


async def put(endpoint: LocalPutEvents, body: dict[str, Any] | None = None, **keys: str) -> int:
    """Send a call as boto3 does; give the status."""

    def send() -> int:
        boto = client(endpoint.url, **keys)
        try:
            return boto.put_events(**(body or call()))["ResponseMetadata"]["HTTPStatusCode"]
        finally:
            boto.close()

    return await asyncio.to_thread(send)


async def refused(
    endpoint: LocalPutEvents, body: dict[str, Any] | None = None, **keys: str
) -> tuple[int, str]:
    """Status and code that boto3 makes of a refusal."""
    with pytest.raises(ClientError) as caught:
        await put(endpoint, body, **keys)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


async def test_a_valid_call_is_accepted_and_in_the_books(endpoint: LocalPutEvents) -> None:
    body = call(event(eventId="a", properties='{"price": 3}'), event(eventId="b"), sessionId="s", userId="u")
    assert await put(endpoint, body) == 200
    (accepted,) = endpoint.call_log.accepted()
    assert (accepted.number, accepted.session_id, accepted.user_id) == (1, "s", "u")
    assert accepted.event_ids == ("a", "b")


async def test_a_broken_rule_is_an_invalid_input_that_says_which(endpoint: LocalPutEvents) -> None:
    with pytest.raises(ClientError, match=r"'eventList.1.member.itemId' failed") as caught:
        await put(endpoint, call(event(itemId="i" * 257)))
    assert caught.value.response["Error"]["Code"] == "InvalidInputException"
    assert endpoint.call_log.summary().outcomes == {"InvalidInputException": 1}


async def test_wrong_keys_are_refused_until_they_are_fixed(endpoint: LocalPutEvents) -> None:
    assert await refused(endpoint, access_key=OTHER) == (403, "UnrecognizedClientException")
    assert await refused(endpoint, secret_key=OTHER) == (403, "InvalidSignatureException")
    endpoint.faults = Faults(secret_key=OTHER)
    assert await put(endpoint, secret_key=OTHER) == 200


@pytest.mark.parametrize(
    ("faults", "answer"),
    [
        (Faults(throttle=1), (400, "ThrottlingException")),
        (Faults(refuse="AccessDeniedException"), (403, "AccessDeniedException")),
        (Faults(refuse="ExpiredTokenException"), (403, "ExpiredTokenException")),
        (Faults(refuse="InvalidInputException"), (400, "InvalidInputException")),
        (Faults(tracking_id="t-2"), (404, "ResourceNotFoundException")),
        (Faults(tracking_id="t-2", unknown_tracker="InvalidInputException"), (400, "InvalidInputException")),
        (Faults(poison="view"), (400, "InvalidInputException")),
        (Faults(poison="i-1"), (400, "InvalidInputException")),
    ],
)
async def test_a_planned_refusal_reaches_boto3_as_its_code(faults: Faults, answer: tuple[int, str]) -> None:
    async with LocalPutEvents(faults) as endpoint:
        assert await refused(endpoint) == answer
        assert endpoint.call_log.summary().accepted_events == 0


async def test_failing_answers_are_500_and_503() -> None:
    async with LocalPutEvents(Faults(fail=1)) as endpoint:
        met = {await refused(endpoint) for _ in range(12)}
    assert met == {(500, "InternalServerException"), (503, "ServiceUnavailableException")}


async def test_a_poison_leaves_other_calls_alone() -> None:
    async with LocalPutEvents(Faults(poison="poison")) as endpoint:
        assert await refused(endpoint, call(event(), event(itemId="poison-1"))) == (
            400,
            "InvalidInputException",
        )
        assert await put(endpoint) == 200


async def test_over_the_rate_calls_are_throttled() -> None:
    async with LocalPutEvents(Faults(calls_per_second=0.001, burst_calls=2)) as endpoint:
        assert [await put(endpoint), await put(endpoint)] == [200, 200]
        assert await refused(endpoint) == (400, "ThrottlingException")
        endpoint.faults = Faults()
        assert await put(endpoint) == 200


async def test_a_call_that_is_reset_was_not_accepted() -> None:
    async with LocalPutEvents(Faults(reset=1)) as endpoint:
        with pytest.raises((ConnectionClosedError, HTTPClientError)):
            await put(endpoint)
        assert endpoint.call_log.summary().outcomes == {"reset": 1}


async def test_a_call_whose_answer_is_lost_was_accepted() -> None:
    async with LocalPutEvents(Faults(lose=1)) as endpoint:
        with pytest.raises((ConnectionClosedError, HTTPClientError)):
            await put(endpoint)
        assert endpoint.call_log.summary().accepted_events == 1


async def test_the_session_id_null_is_answered_and_ignored(endpoint: LocalPutEvents) -> None:
    assert await put(endpoint, call(sessionId="null")) == 200
    assert endpoint.call_log.summary().outcomes == {"ignored": 1}


async def test_a_call_without_an_answer_is_in_flight_until_its_client_gives_up() -> None:
    """A session's next call is no second one at once if the client gave the first one up."""
    async with LocalPutEvents(Faults(silence=1), fast=True) as endpoint:
        async with aiohttp.ClientSession(endpoint.url) as http:
            first = asyncio.create_task(http.post("/events", json=call()))
            while not endpoint.call_log.summary().accepted_events:
                (await http.get("/calls")).release()
            first.cancel()
        endpoint.faults = Faults()
        async with aiohttp.ClientSession(endpoint.url) as http:
            (await http.post("/events", json=call())).release()
        assert endpoint.call_log.summary().accepted_events == 2
        assert endpoint.call_log.summary().max_concurrent_in_session == 1


async def test_two_calls_of_a_session_at_once_are_noticed() -> None:
    async with (
        LocalPutEvents(Faults(answer_seconds=0.02), fast=True) as endpoint,
        aiohttp.ClientSession() as http,
    ):
        posts = [http.post(f"{endpoint.url}/events", json=call()) for _ in range(2)]
        assert [answer.status for answer in await asyncio.gather(*posts)] == [200, 200]
        assert endpoint.call_log.summary().max_concurrent_in_session == 2


async def test_fast_asks_for_no_signature_and_no_rule_but_for_a_call() -> None:
    async with LocalPutEvents(fast=True) as endpoint, aiohttp.ClientSession() as http:
        loose = await http.post(f"{endpoint.url}/events", json=call(event(itemId="i" * 999)))
        assert loose.status == 200
        for body in (b"{", b"{}", b"[" * 10_000, b'{"sessionId": "\xff"}'):
            answer = await http.post(f"{endpoint.url}/events", data=body)
            assert answer.headers["x-amzn-errortype"] == "SerializationException"


@pytest.mark.parametrize("target", ["/", "/events/1", "/put-items"])
async def test_what_is_no_operation_is_told(endpoint: LocalPutEvents, target: str) -> None:
    async with aiohttp.ClientSession() as http, http.post(endpoint.url + target) as answer:
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")


async def test_bytes_that_are_no_request_end_the_connection(endpoint: LocalPutEvents) -> None:
    host, port = endpoint.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"nonsense\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()


@pytest.mark.slow
async def test_a_process_of_its_own_tells_books_and_takes_faults() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "worker.local.put_events", "--fast", "--faults", '{"poison": "p"}'),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    url = json.loads(await process.stdout.readline())["url"]
    async with aiohttp.ClientSession(url) as http:
        (await http.post("/events", json=call(event(eventId="a")))).release()
        assert [each.event_ids for each in read_lines(await (await http.get("/calls/accepted")).read())] == [
            ("a",)
        ]
        changed = await (await http.post("/faults", data=b'{"throttle": 1}')).json()
        assert (changed["throttle"], changed["poison"]) == (1, "p")
        assert (await http.post("/faults", data=b'{"throttle": 2}')).status == 400
        assert (await (await http.get("/faults")).json()) == changed
        throttled = await http.post("/events", json=call())
        assert throttled.headers["x-amzn-errortype"] == "ThrottlingException"
        assert (await (await http.get("/calls")).json())["outcomes"] == {
            "accepted": 1,
            "ThrottlingException": 1,
        }
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
