"""Every hold says what a person can do about it."""

from __future__ import annotations

import pytest

from worker.core.advice import advise, advise_unreached
from worker.core.classify import CREDENTIAL_CODES
from worker.core.gate import PROBED


@pytest.mark.parametrize("kind", PROBED)
@pytest.mark.parametrize("code", ["", "SomethingNew", *CREDENTIAL_CODES])
def test_there_is_advice_for_every_hold(kind: str, code: str) -> None:
    assert advise(kind, code)


def test_a_known_code_has_advice_of_its_own() -> None:
    assert "personalize:PutEvents" in advise("misconfigured", "AccessDeniedException")
    assert "clock" in advise("misconfigured", "RequestTimeTooSkewed")


def test_a_certificate_that_is_not_trusted_is_told_with_what_to_do() -> None:
    assert "AWS_CA_BUNDLE" in advise_unreached("CertificateRejected")
    assert "routes" in advise_unreached("ConnectTimeout")


def test_a_clock_that_is_far_off_is_what_a_refused_signature_is_for() -> None:
    assert advise("misconfigured", "InvalidSignatureException", -312) == (
        "the clock is 312 s behind the API's: set it right"
    )
    assert advise("misconfigured", "RequestTimeTooSkewed", 600) == (
        "the clock is 600 s ahead of the API's: set it right"
    )


def test_with_a_clock_that_is_right_it_is_the_secret() -> None:
    assert "clock" in advise("misconfigured", "SignatureDoesNotMatch")
    assert "the clock is right" in advise("misconfigured", "SignatureDoesNotMatch", 2)


def test_the_clock_has_nothing_to_do_with_a_missing_permission() -> None:
    code = "AccessDeniedException"
    assert advise("misconfigured", code, 3600) == advise("misconfigured", code)
