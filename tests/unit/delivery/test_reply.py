from __future__ import annotations

import json
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.aws.error_answers import MAX_RETRY_AFTER_SECONDS
from worker.core.model.outcomes import Accepted, Refused, Throttled, TransientFault
from worker.delivery.reply import read
from worker.http.reply import Reply

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer

NOW = 1_700_000_000.0
REQUEST_ID = "8f14e45f-ceea-467f-a8a2-9a6d3a3b1f10"
THROTTLED = b'{"__type":"ThrottlingException"}'


@pytest.mark.parametrize(
    ("error_type", "body"),
    [
        ("InvalidInputException", {}),
        ("InvalidInputException:http://internal.amazon.com/coral/com.amazon.coral.validate/", {}),
        ("com.amazonaws.personalize#InvalidInputException", {}),
        ("", {"__type": "InvalidInputException"}),
        ("", {"__type": "com.amazonaws.personalize#InvalidInputException:http://x/#y"}),
        ("", {"code": "InvalidInputException"}),
        ("InvalidInputException", {"__type": "ThrottlingException"}),
    ],
)
def test_the_code_is_read_from_header_or_body_without_its_namespace(error_type: str, body: object) -> None:
    answer = read(Reply(400, error_type, body=json.dumps(body).encode()), NOW)
    assert answer == Refused("InvalidInputException")


@pytest.mark.parametrize("name", ["message", "Message"])
def test_the_message_is_kept_up_to_a_bound(name: str) -> None:
    answer = read(Reply(400, "ValidationException", body=json.dumps({name: "x" * 5000}).encode()), NOW)
    assert answer == Refused("ValidationException", "x" * 1000)


@pytest.mark.parametrize(
    ("retry_after", "amz_retry_after", "seconds"),
    [
        ("7", "", 7.0),
        ("0", "", 0.0),
        ("", "1500", 1.5),
        ("7", "1500", 1.5),
        ("7", "soon", 7.0),
        (formatdate(NOW + 5, usegmt=True), "", 5.0),
        (formatdate(NOW - 5, usegmt=True), "", 0.0),
        ("86400", "", MAX_RETRY_AFTER_SECONDS),
        (formatdate(NOW + 86400, usegmt=True), "", MAX_RETRY_AFTER_SECONDS),
        ("", "", None),
        ("-1", "", None),
        ("nan", "", None),
        ("inf", "", None),
        ("Sat, 99 Foo 2023 99:99:99 GMT", "", None),
    ],
)
def test_retry_after_is_honoured_and_bounded(
    retry_after: str, amz_retry_after: str, *, seconds: float | None
) -> None:
    reply = Reply(400, retry_after=retry_after, amz_retry_after=amz_retry_after, body=THROTTLED)
    assert read(reply, NOW) == Throttled("ThrottlingException", seconds)
    away = Reply(503, retry_after=retry_after, amz_retry_after=amz_retry_after)
    assert read(away, NOW) == TransientFault("Http503", seconds)


PORTAL = b"<html><title>Welcome to our network</title><form action=/login></form></html>"
NOT_THE_API = TransientFault("NotTheApi")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200),
        Reply(200, body=b"{}"),
        Reply(200, body=b" { }\n"),
        Reply(200, body=b"\r\n"),
        Reply(200, request_id="local-1"),
        Reply(200, body=b'{"warnings":[]}', request_id="local-1"),
    ],
)
def test_a_200_that_says_nothing_is_accepted_and_one_of_a_later_api(reply: Reply) -> None:
    assert read(reply, NOW) == Accepted()


@pytest.mark.parametrize("request_id", ["", "local-1"])
@pytest.mark.parametrize(
    "body",
    [
        PORTAL,
        b"OK",
        b'"ok"',
        b"null",
        b"[]",
        b"{",
        b'{"login":1',
        b"\xff",
        b"\x1f\x8b\x08\x00",
        b"{}{}",
        b"0",
    ],
)
def test_a_200_of_a_captive_portal_or_a_proxy_is_not_accepted(body: bytes, request_id: str) -> None:
    assert read(Reply(200, body=body, request_id=request_id), NOW) == NOT_THE_API


def test_an_object_that_nobody_of_aws_answered_is_not_accepted() -> None:
    assert read(Reply(200, body=b'{"error":"login required"}'), NOW) == NOT_THE_API
    assert read(Reply(200, body=b'{"code":"LoginRequired"}', request_id="local-1"), NOW) == NOT_THE_API


def test_a_200_that_names_an_error_is_that_error() -> None:
    """So a gateway answers that maps every status to 200."""
    assert read(Reply(200, body=THROTTLED), NOW) == Throttled("ThrottlingException")
    assert read(Reply(200, "InternalServerException"), NOW) == TransientFault("InternalServerException")


@given(st.binary(min_size=1) | st.text(min_size=1).map(str.encode), st.sampled_from(["", "local-1"]))
def test_a_200_with_any_bytes_is_accepted_only_if_they_are_an_object_or_nothing(
    body: bytes, request_id: str
) -> None:
    answer = read(Reply(200, body=body, request_id=request_id), NOW)
    assert (answer == Accepted()) is (not body.strip() or body.strip() == b"{}")


@pytest.mark.parametrize(
    "body",
    [
        b'{"message":"caf\xe9"}',
        b'{"__type":"ValidationException","message":"x\xe2\x82"}',
        b'"\xff"',
        b'{"\xff":1}',
        b'{"message":"\xed\xa0\x80"}',
        b'{"message":"\\ud800"}',
        b'{"n":1e999999}',
        b'{"n":' + b"9" * 60_000 + b"}",
        b'{"a":' * 20_000,
        '{"message":"é"}'.encode("utf-16"),
    ],
)
def test_what_can_not_be_read_is_classified_by_its_status(body: bytes) -> None:
    assert read(Reply(503, body=body), NOW) == TransientFault("Http503")


DATES = st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,9} \d{1,3}(:\d{1,3}){2} ?[-+A-Z0-9]{0,6}")


@given(
    st.integers(201, 599),
    st.text(),
    st.text() | DATES,
    st.text() | st.integers().map(str),
    st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda said: json.dumps(said).encode()),
)
def test_whatever_an_answer_holds_it_is_classified_and_its_wait_bounded(
    status: int, error_type: str, retry_after: str, amz_retry_after: str, body: bytes
) -> None:
    answer = read(Reply(status, error_type, retry_after, amz_retry_after, body), NOW)
    if isinstance(answer, (Throttled, TransientFault)) and answer.retry_after_seconds is not None:
        assert 0 <= answer.retry_after_seconds <= MAX_RETRY_AFTER_SECONDS


@given(st.dictionaries(st.sampled_from(["__type", "code", "Code", "message"]), st.none() | st.integers()))
def test_fields_of_other_types_are_ignored(said: dict[str, object]) -> None:
    assert read(Reply(400, body=json.dumps(said).encode()), NOW) == Refused("Http400")


def test_a_deeply_nested_body_is_survived() -> None:
    assert read(Reply(400, body=b"[" * 60000), NOW) == Refused("Http400")


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (Reply(200, request_id=REQUEST_ID), Accepted(REQUEST_ID)),
        (Reply(200, body=b"{}", request_id=REQUEST_ID), Accepted(REQUEST_ID)),
        (
            Reply(400, body=THROTTLED, request_id=REQUEST_ID),
            Throttled("ThrottlingException", None, REQUEST_ID),
        ),
        (Reply(503, request_id=REQUEST_ID), TransientFault("Http503", None, REQUEST_ID)),
        (Reply(200, body=PORTAL, request_id=REQUEST_ID), TransientFault("NotTheApi", None, REQUEST_ID)),
    ],
)
def test_every_answer_bears_the_id_by_which_aws_finds_the_request(reply: Reply, answer: Answer) -> None:
    assert read(reply, NOW) == answer


@pytest.mark.parametrize(
    "said", ["user-4711", REQUEST_ID + "\n", REQUEST_ID.upper(), f"x{REQUEST_ID}", "local-1"]
)
def test_what_is_no_request_id_of_aws_goes_no_further(said: str) -> None:
    """It may repeat what was sent."""
    assert read(Reply(200, request_id=said), NOW) == Accepted()
    assert read(Reply(503, request_id=said), NOW) == TransientFault("Http503")
