"""Signatures, made by botocore and then tampered with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from msgspec.structs import replace

from worker.local.http import Request
from worker.local.signature import refusal

KEY, SECRET, TOKEN, OTHER = "key", "secret", "session-token", "another"
BODY = b'{"a":1}'


def signed(
    *, body: bytes = BODY, service: str = "personalize", token: str | None = None, secret: str = SECRET
) -> Request:
    request = AWSRequest("POST", "http://127.0.0.1:1/events", {"content-type": "application/json"}, body)
    SigV4Auth(Credentials(KEY, secret, token), service, "eu-west-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request("POST", "/events", {"host": "127.0.0.1:1", "user-agent": "any"} | headers, body)


def with_headers(request: Request, **headers: str | None) -> Request:
    changed = request.headers | {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(request, headers={name: value for name, value in changed.items() if value is not None})


def code(request: Request, key: str = KEY, after: timedelta = timedelta()) -> str | None:
    refused = refusal(request, key, SECRET, datetime.now(UTC) + after)
    return refused.code if refused else None


@pytest.mark.parametrize("token", [None, TOKEN])
def test_what_botocore_signed_passes(token: str | None) -> None:
    assert code(signed(token=token)) is None


def test_a_request_without_signature_lacks_a_token() -> None:
    assert code(with_headers(signed(), authorization=None)) == "MissingAuthenticationTokenException"


def test_an_unknown_access_key_is_an_unrecognised_client() -> None:
    assert code(signed(), key="another") == "UnrecognizedClientException"


@pytest.mark.parametrize(
    "request_",
    [
        signed(secret=OTHER),
        signed(service="personalize-events"),
        replace(signed(), body=b'{"a":2}'),
        replace(signed(), target="/other"),
        replace(signed(), method="PUT"),
        with_headers(signed(), host="another"),
        with_headers(signed(), x_amz_date="20200101T000000Z"),
        with_headers(signed(), x_amz_date="yesterday"),
        with_headers(signed(), x_amz_date=None),
        with_headers(signed(), x_amz_content_sha256="0" * 64),
        with_headers(signed(token=TOKEN), x_amz_security_token=OTHER),
        with_headers(signed(), authorization="Basic abc"),
    ],
)
def test_whatever_is_changed_after_signing_breaks_the_signature(request_: Request) -> None:
    assert code(request_) == "InvalidSignatureException"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_clock_that_is_off_breaks_the_signature(minutes: int) -> None:
    assert code(signed(), after=timedelta(minutes=minutes)) == "InvalidSignatureException"


def test_where_any_key_is_known_its_secret_is_not_asked_for_and_the_rest_is() -> None:
    def of_any(request: Request) -> str | None:
        refused = refusal(request, None, "", datetime.now(UTC))
        return refused.code if refused else None

    assert of_any(signed(secret=OTHER)) is None
    assert of_any(with_headers(signed(), authorization=None)) == "MissingAuthenticationTokenException"
    assert of_any(signed(service="personalize-events")) == "InvalidSignatureException"
    assert of_any(with_headers(signed(), x_amz_date="20200101T000000Z")) == "InvalidSignatureException"
