from __future__ import annotations

from typing import Any

import pytest
from botocore.retries.standard import ThrottledRetryableChecker
from hypothesis import given
from hypothesis import strategies as st

from worker.core.model.error_codes import CREDENTIAL_CODES, classify
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Throttled, TransientFault

# botocore's list, so that a new botocore that knows more codes makes this fail.
CHECKER: Any = ThrottledRetryableChecker
THROTTLE_CODES = sorted(CHECKER._THROTTLED_ERROR_CODES)  # noqa: SLF001  it has no public name


def test_a_200_is_accepted() -> None:
    assert classify(200) == Accepted()


@given(st.integers(100, 999).filter(lambda status: status != 200), st.text())
def test_nothing_but_a_200_is_ever_accepted(status: int, code: str) -> None:
    assert not isinstance(classify(status, code), Accepted)


@pytest.mark.parametrize("code", THROTTLE_CODES)
@pytest.mark.parametrize("status", [400, 429, 503])
def test_every_throttle_code_of_botocore_is_throttled(code: str, status: int) -> None:
    assert classify(status, code, retry_after_seconds=2.0) == Throttled(code, 2.0)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidInputException", Refused),
        (400, "ValidationException", Refused),
        (400, "SerializationException", Refused),
        (400, "RequestTimeout", TransientFault),
        (400, "AccessDeniedException", Misconfigured),
        (400, "UnrecognizedClientException", Misconfigured),
        (400, "ExpiredTokenException", Misconfigured),
        (400, "ResourceNotFoundException", Misconfigured),
        (400, "RequestTimeTooSkewed", Misconfigured),
        (403, "InvalidSignatureException", Misconfigured),
        (403, "RequestExpired", Misconfigured),
        (500, "InternalFailure", TransientFault),
        (503, "ServiceUnavailable", TransientFault),
    ],
)
def test_a_known_code_decides_whatever_the_status(status: int, code: str, kind: type) -> None:
    answer = classify(status, code)
    assert type(answer) is kind
    assert not isinstance(answer, Accepted)
    assert answer.code == code


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, TransientFault),
        (301, Misconfigured),
        (307, Misconfigured),
        (400, Refused),
        (401, Misconfigured),
        (403, Misconfigured),
        (404, Misconfigured),
        (407, Misconfigured),
        (408, TransientFault),
        (413, Refused),
        (418, Refused),
        (429, Throttled),
        (500, TransientFault),
        (502, TransientFault),
        (504, TransientFault),
        (509, Throttled),
        (599, TransientFault),
    ],
)
def test_without_a_known_code_the_status_decides(status: int, kind: type) -> None:
    assert type(classify(status)) is kind
    assert type(classify(status, "BrandNewException")) is kind


@given(st.integers(201, 599), st.text())
def test_the_code_is_always_one_short_word_for_the_server_chooses_it(status: int, code: str) -> None:
    answer = classify(status, code)
    assert not isinstance(answer, Accepted)
    assert answer.code in {code, f"Http{status}"}
    assert answer.code.isascii()
    assert len(answer.code) <= 64
    assert not set(answer.code) & set(' \n"{}')


@pytest.mark.parametrize("code", sorted(CREDENTIAL_CODES))
def test_what_new_credentials_may_fix_is_misconfigured(code: str) -> None:
    assert classify(403, code, "said") == Misconfigured(code, "said")


def test_the_message_goes_with_what_is_refused() -> None:
    assert classify(400, "InvalidInputException", "bad item") == Refused("InvalidInputException", "bad item")
