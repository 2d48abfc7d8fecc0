from __future__ import annotations

import re

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.aws.sigv4 import REGION, authorization
from worker.aws.endpoint import _host, _signed_path
from worker.aws.signing import Keys, Signer

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)
KEYS = st.builds(Keys, st.from_regex(r"[A-Z0-9]{4,30}", fullmatch=True), PRINTABLE, st.none() | PRINTABLE)
INSTANTS = st.floats(0, 4_000_000_000)
URLS = st.builds(
    lambda scheme, host, port, path: f"{scheme}://{host}{port}{path}",
    st.sampled_from(["http", "https"]),
    st.sampled_from(["personalize-events.eu-west-1.amazonaws.com", "127.0.0.1", "[::1]", "Some.Host"]),
    st.sampled_from(["", ":80", ":443", ":8443"]),
    st.sampled_from(["/events", "/base/events", "/a%20b/~c/events", "/a//b/../events", "/%C3%A9/events"]),
)
HOST = "personalize-events.eu-west-1.amazonaws.com"


def signer(**changed: str) -> Signer:
    usual = {
        "method": "POST",
        "path": "/events",
        "host": HOST,
        "content_type": "application/json",
        "region": REGION,
        "service": "personalize",
    }
    return Signer(**{**usual, **changed})


def assert_botocore_agrees(headers: dict[str, str], body: bytes, keys: Keys, url: str = "") -> None:
    assert headers["Authorization"] == authorization(url or f"https://{HOST}/events", headers, body, keys)


@given(URLS, st.binary(min_size=1), KEYS, INSTANTS)
def test_signatures_are_those_of_botocore(url: str, body: bytes, keys: Keys, now: float) -> None:
    sign = signer(path=_signed_path(url), host=_host(url))
    assert_botocore_agrees(sign.headers(body, keys, now), body, keys, url)


TARGETS = st.sampled_from(["Kinesis_20131202.GetRecords", "DynamoDB_20120810.UpdateItem"])
JSON_URLS = st.sampled_from(["https://kinesis.eu-west-1.amazonaws.com/", "http://127.0.0.1:4567/"])


@given(JSON_URLS, TARGETS, st.binary(min_size=1), KEYS, INSTANTS)
def test_signatures_of_a_protocol_with_targets_are_those_of_botocore(
    url: str, target: str, body: bytes, keys: Keys, now: float
) -> None:
    sign = signer(path=_signed_path(url), host=_host(url), service="kinesis")
    headers = sign.headers(body, keys, now, target)
    assert headers["X-Amz-Target"] == target
    assert headers["Authorization"] == authorization(url, headers, body, keys, "kinesis")


@pytest.mark.parametrize("token", [None, "token"])
def test_what_is_signed_is_what_botocore_signs(token: str | None) -> None:
    """Every header that it sends with such a call, but those that proxies may change."""
    keys = Keys("AKID", "secret", token)
    sent = signer().headers(b"{}", keys, 0, "Kinesis_20131202.GetRecords")
    request = AWSRequest("POST", f"https://{HOST}/", headers={**sent, "User-Agent": "x"}, data=b"{}")
    del request.headers["Authorization"]
    SigV4Auth(Credentials("AKID", "secret", token), "kinesis", REGION).add_auth(request)
    told = [re.search(r"SignedHeaders=(\S+),", each["Authorization"]) for each in (sent, request.headers)]
    assert told[0] is not None
    assert told[1] is not None
    assert told[0][1] == told[1][1]


HALF_DAYS = st.sampled_from(range(0, 10 * 43200, 43200))


@given(st.lists(st.tuples(HALF_DAYS, KEYS, st.binary(min_size=1)), max_size=8))
def test_one_signer_follows_changes_of_day_and_of_keys(calls: list[tuple[int, Keys, bytes]]) -> None:
    sign = signer()
    for now, keys, body in calls:
        assert_botocore_agrees(sign.headers(body, keys, now), body, keys)


def test_the_key_is_of_the_day_in_utc_up_to_its_last_second() -> None:
    sign = signer()
    keys = Keys("AKID", "secret")
    for now in (1_700_006_399.9, 1_700_006_400.0, 1_700_006_399.9):
        headers = sign.headers(b"{}", keys, now)
        assert_botocore_agrees(headers, b"{}", keys)
    assert headers["X-Amz-Date"] == "20231114T235959Z"


def test_the_token_is_sent_and_signed_only_where_there_is_one() -> None:
    without = signer().headers(b"{}", Keys("AKID", "secret"), 0)
    assert "X-Amz-Security-Token" not in without
    with_token = signer().headers(b"{}", Keys("AKID", "secret", "token"), 0)
    assert with_token["X-Amz-Security-Token"] == "token"
    assert "x-amz-security-token" in with_token["Authorization"]


def test_keys_never_show() -> None:
    assert repr(Keys("AKID", "secret", "token")) == "<Keys>"
    assert "secret" not in f"{[Keys('AKID', 'secret', 'token')]}"
