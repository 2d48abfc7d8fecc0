from __future__ import annotations

import asyncio
import threading
import time
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import TYPE_CHECKING, TypeVar

import msgspec
import pytest

from tests.unit.aws.chains import NEW, OLD, Chain
from tests.unit.delivery.batches import EVENT, batch_of
from tests.unit.delivery.endpoint import HANG, RESET, Act, Endpoint, answer
from worker.aws import boto_subprocess
from worker.aws.access import AwsAccess
from worker.aws.endpoint import UnusableSettings
from worker.aws.provider_chain import Loaded
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Throttled, TransientFault
from worker.delivery.body import EventsBody
from worker.delivery.put_events import ClientSettings, PutEventsClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from worker.aws.signing import Keys

T = TypeVar("T")
BATCH = batch_of(EVENT)
CREDENTIAL_REFUSALS = ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"]


@pytest.fixture(autouse=True)
def boto_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have boto3 answer in this process; starting one for each client would take half a second a test."""

    def ask(arguments: Sequence[str], kind: type[T]) -> T:
        what, *given = arguments
        resolve, load = boto_subprocess._answer_resolve, boto_subprocess._answer_load  # noqa: SLF001  what it runs
        answer = resolve(*given) if what == "resolve" else load(*given)
        # What is no text for a pipe is none here either.
        return msgspec.json.decode(boto_subprocess._encoded(answer), type=kind)  # noqa: SLF001  as above

    monkeypatch.setattr(boto_subprocess, "_ask", ask)


@asynccontextmanager
async def client_of(
    endpoint: Endpoint,
    chain: Callable[[], Loaded] | None,
    *,
    answer_seconds: float = 5,
    poll_seconds: float = 60,
) -> AsyncIterator[PutEventsClient]:
    settings = ClientSettings("tracker", "eu-west-1", endpoint.url, answer_seconds=answer_seconds)
    # The next load from scratch is seconds away on the real clock; these tests don't wait for it.
    access = AwsAccess(settings.wanted, load=chain, poll_seconds=poll_seconds, reload_seconds=0)
    client = PutEventsClient(settings, access)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


def refused(code: str) -> Act:
    return answer(403, x_amzn_errortype=code)


async def test_an_accepted_call_is_signed_with_the_keys_at_hand() -> None:
    async with Endpoint() as endpoint, client_of(endpoint, Chain(OLD)) as client:
        assert await client.put(BATCH) == Accepted()
    (request,) = endpoint.requests
    assert request.body == EventsBody("tracker")(BATCH)
    assert "Credential=AKIDOLD/" in (request.header("Authorization") or "")
    assert (request.header("User-Agent") or "").startswith("personalize-worker/")


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (answer(400, x_amzn_errortype="SlowDown", Retry_After="2"), Throttled("SlowDown", 2.0)),
        (answer(429), Throttled("Http429")),
        (answer(400, b'{"__type":"ValidationException","message":"m"}'), Refused("ValidationException", "m")),
        (answer(503), TransientFault("Http503")),
        (answer(400, x_amzn_errortype="OptInRequired"), Misconfigured("OptInRequired")),
        (answer(301), Misconfigured("Http301")),
        (RESET, TransientFault("ConnectionReset")),
    ],
)
async def test_an_answer_is_classified_and_the_call_made_once(act: Act, expected: object) -> None:
    async with Endpoint(act) as endpoint, client_of(endpoint, Chain(OLD, NEW)) as client:
        assert await client.put(BATCH) == expected
        assert len(endpoint.requests) == 1


async def test_an_answer_that_does_not_come_is_a_passing_fault() -> None:
    async with Endpoint(HANG) as endpoint, client_of(endpoint, Chain(OLD), answer_seconds=0.05) as client:
        assert await client.put(BATCH) == TransientFault("AnswerTimeout")


@pytest.mark.parametrize("code", CREDENTIAL_REFUSALS)
async def test_refused_keys_are_loaded_anew_and_the_call_goes_out_once_more(code: str) -> None:
    async with Endpoint(refused(code)) as endpoint, client_of(endpoint, Chain(OLD, NEW)) as client:
        assert await client.put(BATCH) == Accepted()
        assert await client.put(BATCH) == Accepted()
    used = [(request.header("Authorization") or "")[:60] for request in endpoint.requests]
    assert ["AKIDNEW" in each for each in used] == [False, True, True]
    assert endpoint.requests[1].body == endpoint.requests[0].body


async def test_a_call_is_made_twice_at_most() -> None:
    acts = [refused("ExpiredToken")] * 9
    async with Endpoint(*acts) as endpoint, client_of(endpoint, Chain(OLD, NEW, OLD)) as client:
        assert await client.put(BATCH) == Misconfigured("ExpiredToken")
        assert len(endpoint.requests) == 2


async def test_the_same_keys_are_not_tried_again() -> None:
    async with Endpoint(refused("AccessDenied")) as endpoint, client_of(endpoint, Chain(OLD, OLD)) as client:
        assert await client.put(BATCH) == Misconfigured("AccessDenied")
        assert len(endpoint.requests) == 1


async def test_why_there_are_no_new_keys_says_more_than_that_the_old_were_refused() -> None:
    async with Endpoint(refused("ExpiredToken")) as endpoint, client_of(endpoint, Chain(OLD)) as client:
        assert await client.put(BATCH) == Misconfigured("NoCredentials", "none left")


async def test_a_refused_signature_is_told_with_how_far_the_clock_is_off() -> None:
    date = formatdate(time.time() + 600, usegmt=True)
    act = answer(403, x_amzn_errortype="InvalidSignatureException", date=date)
    async with Endpoint(act) as endpoint, client_of(endpoint, Chain(OLD, OLD)) as client:
        put = await client.put(BATCH)
        assert isinstance(put, Misconfigured)
        assert put.clock_ahead_seconds == pytest.approx(-600, abs=60)
        assert client.clock_ahead_seconds() == put.clock_ahead_seconds


async def test_a_refusal_for_another_reason_says_nothing_of_the_clock() -> None:
    date = formatdate(time.time() + 600, usegmt=True)
    act = answer(403, x_amzn_errortype="AccessDeniedException", date=date)
    async with Endpoint(act) as endpoint, client_of(endpoint, Chain(OLD, OLD)) as client:
        assert await client.put(BATCH) == Misconfigured("AccessDeniedException")


async def test_while_keys_are_refreshed_slowly_calls_go_on_with_those_at_hand() -> None:
    """A token service that hangs costs nobody anything before the keys end."""
    asked, answered = threading.Event(), threading.Event()
    fetches = iter([OLD])

    def slow() -> Keys:
        if (first := next(fetches, None)) is not None:
            return first
        asked.set()
        answered.wait(10)
        return NEW

    async with (
        Endpoint() as endpoint,
        client_of(endpoint, lambda: Loaded("fake", slow), poll_seconds=0.01) as client,
    ):
        assert await asyncio.to_thread(asked.wait, 10)
        for _ in range(5):
            assert await client.put(BATCH) == Accepted()
        assert not any("AKIDNEW" in str(each.header("Authorization")) for each in endpoint.requests)
        answered.set()
        async with asyncio.timeout(10):
            while "AKIDNEW" not in str(endpoint.requests[-1].header("Authorization")):
                assert await client.put(BATCH) == Accepted()


async def test_without_credentials_every_call_is_misconfigured_and_none_is_sent() -> None:
    async with Endpoint() as endpoint, client_of(endpoint, Chain()) as client:
        assert await client.put(BATCH) == Misconfigured("NoCredentials", "none left")
        assert await client.put(BATCH) == Misconfigured("NoCredentials", "none left")
        assert endpoint.requests == []


@pytest.mark.usefixtures("aws_home")
async def test_of_refused_keys_it_is_told_that_they_are_the_environment_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are the same for as long as the process runs."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    async with Endpoint(refused("SignatureDoesNotMatch")) as endpoint, client_of(endpoint, None) as client:
        put = await client.put(BATCH)
        assert isinstance(put, Misconfigured)
        assert (put.code, put.keys_from_environment) == ("SignatureDoesNotMatch", True)
        assert client.keys_status().from_environment


@pytest.mark.usefixtures("aws_home")
async def test_of_keys_that_are_none_it_is_told_that_they_are_the_environment_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "two words")
    async with Endpoint() as endpoint, client_of(endpoint, None) as client:
        put = await client.put(BATCH)
        assert isinstance(put, Misconfigured)
        assert (put.code, put.keys_from_environment) == ("CredentialsMalformed", True)


async def test_a_wrong_secret_corrected_in_its_file_is_seen_while_running(aws_home: Path) -> None:
    path = aws_home / "credentials"
    path.write_text("[default]\naws_access_key_id=AKIDOLD\naws_secret_access_key=wrong\n")
    async with Endpoint(refused("SignatureDoesNotMatch")) as endpoint, client_of(endpoint, None) as client:
        path.write_text("[default]\naws_access_key_id=AKIDOLD\naws_secret_access_key=right\n")
        assert await client.put(BATCH) == Accepted()


async def test_ids_that_are_no_text_are_refused_before_anything_is_sent() -> None:
    async with Endpoint() as endpoint, client_of(endpoint, Chain(OLD)) as client:
        assert isinstance(await client.put(batch_of(EVENT, session_id="\udfff")), Refused)
        assert endpoint.requests == []


async def test_a_bad_region_is_told_when_opening() -> None:
    settings = ClientSettings("tracker", "eu-wst1")
    client = PutEventsClient(settings, AwsAccess(settings.wanted, load=Chain(OLD)))
    with pytest.raises(UnusableSettings, match="eu-west-1"):
        await client.open()
    await client.close()


async def test_an_endpoint_by_http_on_another_machine_is_told_when_opening() -> None:
    settings = ClientSettings("tracker", "eu-west-1", "http://put-events.invalid")
    client = PutEventsClient(settings, AwsAccess(settings.wanted, load=Chain(OLD)))
    with pytest.raises(UnusableSettings, match="plain_http"):
        await client.open()
    await client.close()
