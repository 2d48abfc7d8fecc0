from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path

import pytest

import worker.aws
import worker.delivery
import worker.http
from worker.core.flow_control.advice import advise_unreached
from worker.delivery.codes import DELIVERY_CODES
from worker.http.errors import while_connecting

SAID = re.compile(r'(?:TransportError|Misconfigured|TransientFault|Refused)\("(\w+)"|code="(\w+)"')


def test_every_word_that_delivery_says_is_in_the_list() -> None:
    """Metrics count the words of the list under their names, and all others as one."""
    rooms = worker.delivery.__path__[0], worker.aws.__path__[0], worker.http.__path__[0]
    sources = [path.read_text() for room in rooms for path in Path(room).rglob("*.py")]
    said = {"".join(words) for source in sources for words in SAID.findall(source)}
    assert said == DELIVERY_CODES


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ssl.SSLCertVerificationError("x"), "CertificateRejected"),
        (ssl.SSLError("x"), "TlsFailure"),
        (socket.gaierror("x"), "DnsFailure"),
        (TimeoutError("x"), "ConnectTimeout"),
        (ConnectionResetError("x"), "ConnectionFailed"),
        (OSError("x"), "ConnectionFailed"),
    ],
)
def test_what_hinders_a_connection_is_one_word(error: OSError, code: str) -> None:
    assert while_connecting(error).code == code


@pytest.mark.parametrize(
    ("verify_code", "code"),
    [
        (9, "CertificateNotYetValid"),
        (10, "CertificateExpired"),
        (18, "CertificateRejected"),
        (62, "CertificateOfAnotherHost"),
        (66, "CertificateTooWeak"),
        (68, "CertificateTooWeak"),
        (85, "CertificateRejected"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told_by_who_can_fix_it(verify_code: int, code: str) -> None:
    error = ssl.SSLCertVerificationError("x")
    error.verify_code = verify_code
    assert while_connecting(error).code == code
    assert advise_unreached(code) != advise_unreached("ConnectTimeout")
