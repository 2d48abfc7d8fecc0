from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path

import pytest

import worker.delivery
from worker.delivery.faults import DELIVERY_CODES, while_connecting

SAID = re.compile(r'(?:Broken|Misconfigured|PassingFault|Refused)\("(\w+)"|code="(\w+)"')


def test_every_word_that_delivery_says_is_in_the_list() -> None:
    """Metrics count the words of the list under their names, and all others as one."""
    sources = [path.read_text() for path in Path(worker.delivery.__path__[0]).glob("*.py")]
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
