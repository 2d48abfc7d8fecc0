"""What can go wrong before an answer is complete, each as one word."""

from __future__ import annotations

import ssl
from socket import gaierror

from msgspec import Struct


class TransportError(Struct, frozen=True):
    """No answer came, or only part of one. A value: it is returned and never raised.

    ``code`` is one word. The API may still have taken the call.
    """

    code: str


CONNECT_TIMEOUT = TransportError("ConnectTimeout")
ANSWER_TIMEOUT = TransportError("AnswerTimeout")
DNS_FAILURE = TransportError("DnsFailure")
CERTIFICATE_REJECTED = TransportError("CertificateRejected")
CERTIFICATE_EXPIRED = TransportError("CertificateExpired")
CERTIFICATE_NOT_YET_VALID = TransportError("CertificateNotYetValid")
CERTIFICATE_OF_ANOTHER_HOST = TransportError("CertificateOfAnotherHost")
CERTIFICATE_TOO_WEAK = TransportError("CertificateTooWeak")
TLS_FAILURE = TransportError("TlsFailure")
PROXY_UNREACHABLE = TransportError("ProxyUnreachable")
PROXY_REFUSED = TransportError("ProxyRefused")
CONNECTION_FAILED = TransportError("ConnectionFailed")
CONNECTION_RESET = TransportError("ConnectionReset")
ANSWER_CUT_SHORT = TransportError("AnswerCutShort")
ANSWER_UNREADABLE = TransportError("AnswerUnreadable")

# Every code for which there is no answer; all are fit for labels.
TRANSPORT_CODES = frozenset(
    each.code
    for each in (
        CONNECT_TIMEOUT,
        ANSWER_TIMEOUT,
        DNS_FAILURE,
        CERTIFICATE_REJECTED,
        CERTIFICATE_EXPIRED,
        CERTIFICATE_NOT_YET_VALID,
        CERTIFICATE_OF_ANOTHER_HOST,
        CERTIFICATE_TOO_WEAK,
        TLS_FAILURE,
        PROXY_UNREACHABLE,
        PROXY_REFUSED,
        CONNECTION_FAILED,
        CONNECTION_RESET,
        ANSWER_CUT_SHORT,
        ANSWER_UNREADABLE,
    )
)

# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH,
# _EE_KEY_TOO_SMALL, _CA_KEY_TOO_SMALL and _CA_MD_TOO_WEAK (x509_vfy.h): each needs a different person to do a
# different thing. Every other code means that no trusted authority vouches for the certificate.
_BY_VERIFY_CODE = {
    9: CERTIFICATE_NOT_YET_VALID,
    10: CERTIFICATE_EXPIRED,
    62: CERTIFICATE_OF_ANOTHER_HOST,
    64: CERTIFICATE_OF_ANOTHER_HOST,
    66: CERTIFICATE_TOO_WEAK,
    67: CERTIFICATE_TOO_WEAK,
    68: CERTIFICATE_TOO_WEAK,
}

# The first match counts, so narrower types come before wider ones.
_WHILE_CONNECTING: tuple[tuple[type[OSError], TransportError], ...] = (
    (ssl.SSLError, TLS_FAILURE),
    (gaierror, DNS_FAILURE),
    (TimeoutError, CONNECT_TIMEOUT),
    (OSError, CONNECTION_FAILED),
)


def while_connecting(error: OSError) -> TransportError:
    """Return the reason why a connection could not be made."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_VERIFY_CODE.get(getattr(error, "verify_code", 0), CERTIFICATE_REJECTED)
    return next(failure for kind, failure in _WHILE_CONNECTING if isinstance(error, kind))
