"""An OIDC provider: hands out signed tokens that live for seconds, to whoever knows the secret."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
import time
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs

from tests.support.secured.certificates import run

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class SigningKey:
    """Signs tokens, by RS256."""

    def __init__(self, folder: Path) -> None:
        """Make it."""
        self._file = folder / "signing.key"
        run("openssl", "genrsa", "-out", self._file, "2048")

    def jwks(self) -> str:
        """What whoever checks tokens has to know."""
        said = run("openssl", "rsa", "-in", self._file, "-noout", "-modulus")
        modulus = bytes.fromhex(said.partition("=")[2].strip())
        public = {"kty": "RSA", "kid": "k", "use": "sig", "alg": "RS256", "e": "AQAB", "n": _text(modulus)}
        return json.dumps({"keys": [public]})

    def token(self, seconds: float) -> str:
        """Sign one that lives so long."""
        now = int(time.time())
        claims = {"sub": "worker", "iss": "tests", "aud": "kafka", "iat": now, "exp": now + int(seconds)}
        parts = ({"alg": "RS256", "kid": "k", "typ": "JWT"}, claims)
        signed = ".".join(_text(json.dumps(each).encode()) for each in parts)
        sign = ("openssl", "dgst", "-sha256", "-sign", str(self._file))
        done = subprocess.run(sign, input=signed.encode(), check=True, capture_output=True, timeout=10)
        return f"{signed}.{_text(done.stdout)}"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class LoginProvider(AbstractContextManager["LoginProvider"]):
    """The provider, at https://127.0.0.1.

    Args:
        key: signs.
        certificate: with its key, for TLS.
        seconds: how long a token lives.
    """

    def __init__(self, key: SigningKey, certificate: tuple[Path, Path], *, seconds: float) -> None:
        self.secret = "first-secret"  # noqa: S105  tests say it
        self.handed_out = self.refused = 0
        self._key, self._seconds = key, seconds
        handler = type("Handler", (_Handler,), {"provider": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate)
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where tokens are."""
        return f"https://127.0.0.1:{self._server.server_address[1]}/token"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, dict[str, object]]:
        """Return status and body for who asks by client credentials."""
        login = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        if login != f"personalize-worker:{self.secret}" or form["grant_type"] != ["client_credentials"]:
            self.refused += 1
            return 401, {"error": "invalid_client"}
        self.handed_out += 1
        token = self._key.token(self._seconds)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self._seconds}


class _Handler(BaseHTTPRequestHandler):
    provider: ClassVar[LoginProvider]

    def do_POST(self) -> None:
        """Answer."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        status, body = self.provider.answer(self.headers.get("Authorization", ""), form)
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Write nothing: requests are counted."""
