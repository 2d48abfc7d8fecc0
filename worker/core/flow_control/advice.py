"""Advice: what a person can do about a hold or a wrong clock. One sentence, for the log and ``/ready``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.core.flow_control.holds import HoldKind
from worker.core.flow_control.registry_advice import advise_registry

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS: Final = "give the pod a role, or correct the keys"
_MALFORMED: Final = "remove the spaces or line ends from the keys"
_SIGNED: Final = "correct the secret key, or set the clock right"
_KEY_ALONE: Final = "correct the secret key (the clock is right)"
# A process sees the environment with which it was started, but files as they are now.
_READ_AGAIN: Final = "keys in files are read again while it holds; those of the environment need a restart"
_FROM_ENVIRONMENT: Final = "they came from the environment: correct them there and restart the pod"
_CLOCK: Final = "set the clock right"
_ROLE: Final = "allow personalize:PutEvents on resource * to the worker's role"
_REDIRECTED: Final = "what answers redirects calls, so it is not the API: check endpoint and proxy"
_UNREACHED: Final = "calls are retried; if it lasts, check endpoint, region and the network in between"
_FAILS: Final = (
    "the API, or a proxy in front of it, fails; calls are retried; if it lasts, see the AWS Health Dashboard"
)
_THROTTLED: Final = (
    "another program uses the same quota, or personalize.requests_per_second is above it: "
    "lower it, or ask AWS for more quota"
)
_TRACKER: Final = (
    "check event tracker, personalize.tracking_id and region (to change the latter two, restart)"
)

_BY_CODE: Final[Mapping[str, str]] = {
    "AccessDenied": _ROLE,
    "AccessDeniedException": _ROLE,
    "CredentialsMalformed": _MALFORMED,
    "CredentialsUnavailable": _KEYS,
    "ExpiredToken": _KEYS,
    "ExpiredTokenException": _KEYS,
    # A proxy's, and a gateway's: redirects are not followed, for they would lead signed events elsewhere.
    "Http301": _REDIRECTED,
    "Http302": _REDIRECTED,
    "Http303": _REDIRECTED,
    "Http307": _REDIRECTED,
    "Http308": _REDIRECTED,
    "Http407": "the proxy of HTTPS_PROXY wants a login: put it into its address, and restart",
    "InvalidClientTokenId": _KEYS,
    "InvalidSignatureException": _SIGNED,
    "NoCredentials": _KEYS,
    "OptInRequired": "enable the region for the account",
    "RequestExpired": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "ResourceNotFoundException": _TRACKER,
    "ServiceQuotaExceededException": "a quota of the account is used up: ask AWS for more (Service Quotas)",
    "SignatureDoesNotMatch": _SIGNED,
    "UnrecognizedClientException": _KEYS,
}
_UNREACHED_BY_CODE: Final[Mapping[str, str]] = {
    "AnswerTimeout": "it was reached, but did not answer within personalize.answer_seconds: raise that, "
    "or find out what is slow, the API or a proxy in front of it",
    "CertificateExpired": "renew the certificate of the endpoint or the proxy; is the clock right?",
    "CertificateNotYetValid": "set the clock right, or renew the certificate of the endpoint or the proxy",
    "CertificateOfAnotherHost": "check the endpoint's address: its certificate is for another name",
    "CertificateRejected": "let AWS_CA_BUNDLE name the authority of the endpoint's or proxy's certificate, "
    "and restart",
    "CertificateTooWeak": "renew the certificate of the endpoint or the proxy: key or signature are too weak",
    "ConnectTimeout": "no connection within personalize.connect_seconds: "
    "check endpoint, proxy, routes and firewalls",
    "CredentialsRefresh": "the source of the keys (STS, pod identity, the instance) gives none: "
    "it is asked again",
    "DnsFailure": "the endpoint's name, or the proxy's, does not resolve: check endpoint, region and DNS",
    "InternalError": _FAILS,
    "InternalFailure": _FAILS,
    "InternalServerError": _FAILS,
    "InternalServerException": _FAILS,
    "ProxyRefused": "the proxy of HTTPS_PROXY refuses to connect to the endpoint: fix it, or restart without",
    "ProxyUnreachable": "the proxy of HTTPS_PROXY can't be reached: fix it, or restart without",
    "ServiceUnavailable": _FAILS,
    "ServiceUnavailableException": _FAILS,
    "NotTheApi": "what answers is not the API (a captive portal, a proxy's page): check endpoint and proxy",
}
_SERVER_FAILS: Final = "Http5"
_OF_KEYS: Final = {_KEYS, _MALFORMED, _SIGNED, _KEY_ALONE}
# The codes with which the API may report a wrong clock.
TIMED_CODES: Final = frozenset(code for code, advice in _BY_CODE.items() if advice in {_SIGNED, _CLOCK})
_BY_KIND: Final[Mapping[HoldKind, str]] = {
    HoldKind.MISCONFIGURED: "check role, keys, region and endpoint with `personalize-worker check`",
    HoldKind.REFUSALS: (
        f"events of different sessions are refused in a row: {_TRACKER}; or correct the mapping"
    ),
    HoldKind.DEAD_LETTERS: "check the dead-letter topic, and that the worker may write to it",
    HoldKind.UNMAPPABLE: (
        "correct record.mapping, record.format or the producer (`personalize-worker check --sample 100` "
        "tries it), then restart: all that is held is delivered; if these are not events, raise "
        "dead_letters.hold_after_unmappable"
    ),
    HoldKind.SCHEMA_REGISTRY: "check schema_registry.url with `personalize-worker check`, and the registry",
}

# AWS accepts a signature for five minutes ("Signature Version 4": "within five minutes of the request").
SIGNATURE_SECONDS: Final = 300.0
# Both clocks are read to the second, and the answer is in transit for a while.
_SURELY_SECONDS: Final = SIGNATURE_SECONDS - 10.0

PROBES: Final[Mapping[HoldKind, str]] = {
    HoldKind.MISCONFIGURED: "one event is sent",
    HoldKind.REFUSALS: "one event is sent",
    HoldKind.DEAD_LETTERS: "the letters are written again",
    HoldKind.UNMAPPABLE: "each further record is mapped",
    HoldKind.SCHEMA_REGISTRY: "the registry is asked again",
}


def advise(
    kind: HoldKind,
    code: str,
    clock_ahead_seconds: float | None = None,
    *,
    keys_from_environment: bool = False,
) -> str:
    """Return what to do about a hold of this kind with this API code, given how far our clock is off."""
    if kind is HoldKind.SCHEMA_REGISTRY:
        return advise_registry(code) or _BY_KIND[kind]
    if kind is not HoldKind.MISCONFIGURED:
        return _BY_KIND[kind]
    advice = _advise_misconfigured(code, clock_ahead_seconds)
    if advice not in _OF_KEYS:
        return advice
    return f"{advice}; {_FROM_ENVIRONMENT if keys_from_environment else _READ_AGAIN}"


def _advise_misconfigured(code: str, clock_ahead_seconds: float | None) -> str:
    advice = _BY_CODE.get(code, _BY_KIND[HoldKind.MISCONFIGURED])
    if code not in TIMED_CODES or clock_ahead_seconds is None:
        return advice
    if is_too_far_off(clock_ahead_seconds):
        return f"{clock_is_off(clock_ahead_seconds)}: set it right"
    return _KEY_ALONE if advice == _SIGNED else advice


def advise_unreached(code: str, *, throttled: bool = False) -> str:
    """Return what to do while calls fail, most of them for this reason."""
    if throttled:
        return _THROTTLED
    return _UNREACHED_BY_CODE.get(code, _FAILS if code.startswith(_SERVER_FAILS) else _UNREACHED)


def advise_keys(code: str, *, from_environment: bool = False) -> str:
    """Return what to do while there are no keys, or no newer ones, for this reason."""
    if code in _UNREACHED_BY_CODE:
        return _UNREACHED_BY_CODE[code]
    return advise(HoldKind.MISCONFIGURED, code, keys_from_environment=from_environment)


def is_too_far_off(clock_ahead_seconds: float) -> bool:
    """Whether the API rejects signatures from a clock that is so far off."""
    return abs(clock_ahead_seconds) >= _SURELY_SECONDS


def clock_is_off(clock_ahead_seconds: float) -> str:
    """Describe how far the clock is off, and in which direction."""
    way = "ahead of" if clock_ahead_seconds > 0 else "behind"
    return f"the clock is {abs(clock_ahead_seconds):.0f} s {way} the API's"
