"""Whom the worker takes for the endpoint: a real server with each kind of wrong certificate, and old TLS."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import warnings
from typing import TYPE_CHECKING

from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

from tests.unit.delivery.endpoint import Endpoint
from tests.unit.http.posting import HEADERS, OK, transport_to
from tests.unit.http.test_dialing import serving
from worker.aws.endpoint import tls_context
from worker.http.errors import TransportError

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def signed(folder: Path, days: int, *, by: Path, says: str = "") -> Path:
    """A certificate for 127.0.0.1 that ends in so many days, and its key; ``says`` are further extensions."""
    openssl = shutil.which("openssl") or "openssl"
    wishes, request, made = folder / "wishes", folder / "request", folder / "made.pem"
    wishes.write_text(f"subjectAltName=IP:127.0.0.1\n{says}")
    commands = (
        ("req", "-new", "-key", by, "-subj", "/CN=worker-leaf", "-out", request),
        ("x509", "-req", "-in", request, "-CA", by, "-CAcreateserial", "-days", str(days)),
    )
    subprocess.run([openssl, *commands[0]], check=True, capture_output=True)
    subprocess.run([openssl, *commands[1], "-extfile", wishes, "-out", made], check=True, capture_output=True)
    made.write_text(made.read_text() + by.read_text())
    return made


async def test_a_certificate_is_good_until_it_has_expired(certificate: Path, tmp_path: Path) -> None:
    """Both are signed by one who is trusted here."""
    for days, expected in ((2, OK), (-1, TransportError("CertificateExpired"))):
        made = signed(tmp_path, days, by=certificate)
        async with Endpoint(tls=serving(made)) as endpoint:
            async with transport_to(endpoint.url, ca_file=str(certificate)) as transport:
                assert await transport.post(HEADERS, b"{}") == expected
            assert len(endpoint.requests) == (expected == OK)


async def test_one_that_boto3_takes_is_taken_by_whatever_python(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inspecting proxy's, without Authority Key Identifier: Python 3.13's own contexts refuse it."""
    made = signed(
        tmp_path, 2, by=certificate, says="authorityKeyIdentifier=none\nsubjectKeyIdentifier=none\n"
    )
    create = ssl.create_default_context

    def create_as_python_3_13(*purpose: ssl.Purpose, cafile: str | None = None) -> ssl.SSLContext:
        context = create(*purpose, cafile=cafile)
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    monkeypatch.setattr(ssl, "create_default_context", create_as_python_3_13)
    strict = await asyncio.create_subprocess_exec(
        *("openssl", "verify", "-x509_strict", "-CAfile", certificate, made),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert b"Authority Key Identifier" in (await strict.communicate())[1]
    async with Endpoint(tls=serving(made)) as endpoint:
        async with transport_to(endpoint.url, ca_file=str(certificate)) as transport:
            assert await transport.post(HEADERS, b"{}") == OK
        accepting = URLLib3Session(verify=str(certificate))  # type: ignore[arg-type]  # a file, too
        answered = await asyncio.to_thread(accepting.send, AWSRequest("POST", endpoint.url).prepare())
        assert answered.status_code == 200


def test_what_is_verified_is_the_same_on_whatever_python(certificate: Path) -> None:
    flags = tls_context(str(certificate)).verify_flags
    assert flags == ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN


async def test_one_that_nobody_trusted_has_signed_is_rejected(certificate: Path, tmp_path: Path) -> None:
    """Its own signature, or that of somebody unknown."""
    for made in (certificate, signed(tmp_path, 2, by=certificate)):
        async with Endpoint(tls=serving(made)) as endpoint:
            async with transport_to(endpoint.url) as transport:
                assert await transport.post(HEADERS, b"{}") == TransportError("CertificateRejected")
            assert endpoint.requests == []


async def test_no_variable_of_other_programs_makes_anybody_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(certificate))
    async with Endpoint(tls=serving(certificate)) as endpoint, transport_to(endpoint.url) as transport:
        assert await transport.post(HEADERS, b"{}") == TransportError("CertificateRejected")


async def test_tls_before_1_2_is_refused(certificate: Path) -> None:
    """A server that offers no better, with the ciphers of then."""
    assert tls_context(str(certificate)).minimum_version == ssl.TLSVersion.TLSv1_2
    old = serving(certificate)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    async with (
        Endpoint(tls=old) as endpoint,
        transport_to(endpoint.url, ca_file=str(certificate)) as transport,
    ):
        # What a server does that finds no version in common differs: a word of TLS, or none.
        assert await transport.post(HEADERS, b"{}") in {
            TransportError("TlsFailure"),
            TransportError("ConnectionFailed"),
        }
        assert endpoint.connections == 0
        _, writer = await asyncio.open_connection("127.0.0.1", endpoint.port, ssl=careless())
        writer.close()
        await endpoint.left()
        assert endpoint.connections == 1


def careless() -> ssl.SSLContext:
    """One that does connect to such a server, so that it is the version which was refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context
