"""Advice: what a person can do while the schema registry gives no answer that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOGIN: Final = (
    "correct schema_registry.user and password, or the token, and restart; or let the registry accept them"
)
_REFERENCES: Final = "correct what the schema refers to, in the registry"
_FAILS: Final = "the registry, or a proxy in front of it, fails: see its log"
_BY_CODE: Final[Mapping[str, str]] = {
    "AnswerCutShort": _FAILS,
    "AnswerTimeout": "it was reached, but did not answer within schema_registry.seconds: raise that, "
    "or find out what is slow",
    "AnswerUnreadable": "what answers is not a schema registry, or its answer is larger than 4 MiB: check "
    "schema_registry.url and the proxy",
    "CertificateExpired": "renew the registry's certificate; is the clock right?",
    "CertificateNotYetValid": "set the clock right, or renew the registry's certificate",
    "CertificateOfAnotherHost": "check schema_registry.url: the certificate there is for another name",
    "CertificateRejected": "let schema_registry.ca_file name the authority of the registry's certificate, "
    "and restart",
    "CertificateTooWeak": "renew the registry's certificate: key or signature are too weak",
    "CircularReferences": _REFERENCES,
    "ConnectTimeout": "check schema_registry.url, proxy, routes and firewalls",
    "ConnectionFailed": "nobody listens at schema_registry.url, or nothing leads there: start the registry, "
    "or check the address",
    "ConnectionReset": _FAILS,
    "DnsFailure": "the name in schema_registry.url, or the proxy's, does not resolve: check it and DNS",
    "Forbidden": "allow the worker's login to read schemas in the registry",
    "LoginRefused": _LOGIN,
    "NotTheRegistry": "there is no registry at this path: check schema_registry.url, whose path is none for "
    "Confluent and Karapace and /apis/ccompat/v7 for Apicurio",
    "ProxyRefused": "the proxy of HTTPS_PROXY refuses to connect to the registry: fix it, or restart without",
    "ProxyUnreachable": "the proxy of HTTPS_PROXY can't be reached: fix it, or restart without",
    "ReferenceMissing": _REFERENCES,
    "TlsFailure": "check that schema_registry.url is an https address, and whether the registry asks for "
    "schema_registry.client_certificate_file",
    "TooManyReferences": _REFERENCES,
    "UnknownKindOfSchema": "the registry has a schema that is neither Avro, JSON nor Protobuf under this id",
}
_REDIRECTS: Final = "Http3"
_SERVER_FAILS: Final = ("Http5", "Http429", "Http408")


def advise_registry(code: str) -> str | None:
    """Return what to do while the registry can't be asked, for this reason; None: nothing in particular."""
    if code.startswith(_REDIRECTS):
        return "what answers leads elsewhere, and nobody follows: let schema_registry.url name that address"
    if code.startswith(_SERVER_FAILS):
        return _FAILS
    return _BY_CODE.get(code)
