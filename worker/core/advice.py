"""What a person can do about a hold: one sentence, for the log and for ``/ready``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS: Final = "give the pod a role, or mend the keys; they are read again while it holds"
_SIGNED: Final = "mend the secret key, or set the clock right; keys are read again while it holds"
_ROLE: Final = "allow personalize:PutEvents on resource * to the worker's role"
_UNREACHED: Final = "calls are tried again for ever; if it lasts, look at endpoint, region and the way there"
_TRACKER: Final = "look whether personalize.tracking_id, region and event tracker are right"

_BY_CODE: Final[Mapping[str, str]] = {
    "AccessDenied": _ROLE,
    "AccessDeniedException": _ROLE,
    "CredentialsMalformed": "mend the keys: there are spaces or line ends in them",
    "CredentialsUnavailable": _KEYS,
    "ExpiredToken": _KEYS,
    "ExpiredTokenException": _KEYS,
    "InvalidClientTokenId": _KEYS,
    "InvalidSignatureException": _SIGNED,
    "NoCredentials": _KEYS,
    "OptInRequired": "enable the region for the account",
    "RequestExpired": "set the clock right",
    "RequestTimeTooSkewed": "set the clock right",
    "ResourceNotFoundException": _TRACKER,
    "SignatureDoesNotMatch": _SIGNED,
    "UnrecognizedClientException": _KEYS,
}
_UNREACHED_BY_CODE: Final[Mapping[str, str]] = {
    "CertificateExpired": "renew the certificate of the endpoint or the proxy; is the clock right?",
    "CertificateOfAnotherHost": "look at the endpoint's address: its certificate is for another name",
    "CertificateRejected": "let AWS_CA_BUNDLE name the authority of the endpoint's or proxy's certificate",
}
_BY_KIND: Final[Mapping[str, str]] = {
    "misconfigured": "look at role, keys, region and endpoint with `personalize-worker check`",
    "refusals": f"events of different sessions are refused in a row: {_TRACKER}; or mend the mapping",
    "dead_letters": "mend the dead-letter topic, or the right to write to it",
}


def advise(kind: str, code: str) -> str:
    """What to do about a hold of this kind, for which the API gave this code."""
    return _BY_CODE.get(code, _BY_KIND[kind]) if kind == "misconfigured" else _BY_KIND[kind]


def advise_unreached(code: str) -> str:
    """What to do while no call comes through, the latest for this reason."""
    return _UNREACHED_BY_CODE.get(code, _UNREACHED)
