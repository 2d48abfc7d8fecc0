"""A certificate of our own, for whoever needs a TLS server."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate of our own for 127.0.0.1, key and all in one file."""
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("needs the openssl command")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", path, "-out", path.with_suffix(".crt"), "-days", "2", "-subj", "/CN=worker-test"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "keyUsage=digitalSignature,keyCertSign"),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path
