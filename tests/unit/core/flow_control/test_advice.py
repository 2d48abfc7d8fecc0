"""Every hold says what a person can do about it."""

from __future__ import annotations

import pytest

from worker.core.flow_control.advice import advise, advise_keys, advise_unreached
from worker.core.flow_control.holds import HoldKind
from worker.core.model.error_codes import CREDENTIAL_CODES


@pytest.mark.parametrize("kind", HoldKind)
@pytest.mark.parametrize("code", ["", "SomethingNew", *sorted(CREDENTIAL_CODES)])
def test_there_is_advice_for_every_hold(kind: HoldKind, code: str) -> None:
    assert advise(kind, code)


def test_a_known_code_has_advice_of_its_own() -> None:
    assert "personalize:PutEvents" in advise(HoldKind.MISCONFIGURED, "AccessDeniedException")
    assert "clock" in advise(HoldKind.MISCONFIGURED, "RequestTimeTooSkewed")
    assert "HTTPS_PROXY" in advise(HoldKind.MISCONFIGURED, "Http407")
    assert "redirects" in advise(HoldKind.MISCONFIGURED, "Http302")
    assert "Service Quotas" in advise(HoldKind.MISCONFIGURED, "ServiceQuotaExceededException")


def test_a_certificate_that_is_not_trusted_is_told_with_what_to_do() -> None:
    assert "AWS_CA_BUNDLE" in advise_unreached("CertificateRejected")
    assert "routes" in advise_unreached("ConnectTimeout")


def test_a_clock_that_is_far_off_is_what_a_refused_signature_is_for() -> None:
    assert advise(HoldKind.MISCONFIGURED, "InvalidSignatureException", -312) == (
        "the clock is 312 s behind the API's: set it right"
    )
    assert advise(HoldKind.MISCONFIGURED, "RequestTimeTooSkewed", 600) == (
        "the clock is 600 s ahead of the API's: set it right"
    )


def test_with_a_clock_that_is_right_it_is_the_secret() -> None:
    assert "clock" in advise(HoldKind.MISCONFIGURED, "SignatureDoesNotMatch")
    assert "the clock is right" in advise(HoldKind.MISCONFIGURED, "SignatureDoesNotMatch", 2)


def test_the_clock_has_nothing_to_do_with_a_missing_permission() -> None:
    code = "AccessDeniedException"
    assert advise(HoldKind.MISCONFIGURED, code, 3600) == advise(HoldKind.MISCONFIGURED, code)


@pytest.mark.parametrize(
    "code", ["InvalidClientTokenId", "ExpiredToken", "SignatureDoesNotMatch", "CredentialsMalformed"]
)
def test_keys_from_the_environment_are_fixed_by_a_restart(code: str) -> None:
    """A process sees the environment that it was started with."""
    said = advise(HoldKind.MISCONFIGURED, code, keys_from_environment=True)
    assert said.endswith("; they came from the environment: correct them there and restart the pod")
    assert said == advise_keys(code, from_environment=True)
    elsewhere = "; keys in files are read again while it holds; those of the environment need a restart"
    assert advise(HoldKind.MISCONFIGURED, code).endswith(elsewhere)


def test_a_permission_needs_no_restart_wherever_the_keys_came_from() -> None:
    code = "AccessDeniedException"
    assert advise(HoldKind.MISCONFIGURED, code, keys_from_environment=True) == advise(
        HoldKind.MISCONFIGURED, code
    )
    assert "restart" not in advise(HoldKind.MISCONFIGURED, code)
    far_off = advise(HoldKind.MISCONFIGURED, "SignatureDoesNotMatch", 600, keys_from_environment=True)
    assert "restart" not in far_off


@pytest.mark.parametrize("code", ["CertificateRejected", "ProxyRefused", "ProxyUnreachable"])
def test_what_the_environment_alone_can_fix_needs_a_restart(code: str) -> None:
    assert "restart" in advise_unreached(code)
