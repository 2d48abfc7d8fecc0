"""An endpoint that repeats what it was sent, wherever an answer has a place for it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

Answer: TypeAlias = bytes


def _answer(status: int, said: str, *, code: str = "", more: str = "", kind: str = "json") -> Answer:
    body = json.dumps({"__type": code, "message": said}) if kind == "json" else f"<html>{said}</html>"
    error_type = f"x-amzn-errortype: {code}:http://internal/{_word(said)}/\r\n" if code else ""
    content = f"Content-Type: text/{kind}\r\nContent-Length: {len(body.encode())}\r\n"
    request_id = f"x-amzn-requestid: {_word(said)}\r\n"
    return f"HTTP/1.1 {status} {_word(said)}\r\n{error_type}{request_id}{content}{more}\r\n{body}".encode()


def _word(said: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in said)[:2000]


ANSWERS: Final[dict[str, Callable[[str], Answer]]] = {
    "accept": lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "refuse": lambda said: _answer(400, said, code="InvalidInputException"),
    "refuse by a code of its own": lambda said: _answer(400, said, code=f"Invalid value {said}"[:500]),
    "throttle": lambda said: _answer(
        400, said, code="ThrottlingException", more=f"Retry-After: {_word(said)}\r\n"
    ),
    "fail": lambda said: _answer(500, said, kind="html", more=f"x-amz-retry-after: {_word(said)}\r\n"),
    "misconfigured": lambda said: _answer(403, said, code="InvalidSignatureException"),
    "redirect": lambda said: _answer(301, said, more=f"Location: http://127.0.0.1:1/{_word(said)}\r\n"),
    "cut": lambda said: _answer(200, said)[:-20],
    "garbage": lambda said: said.encode(),
}
"""What each mode answers, given all of the request as text."""


class EchoEndpoint:
    """Answers by its ``mode``; a body that holds ``poison`` is refused in every mode."""

    def __init__(self) -> None:
        """Listen at ``url`` once entered, and accept."""
        self.mode = "accept"
        self.poison = "\0"
        self.heard: dict[str, list[bytes]] = {mode: [] for mode in ANSWERS}
        """All of each request, by the mode in which it came."""
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                echo.answer(self)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Serve no longer."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Hear one request, and repeat it."""
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        head = f"{request.requestline}\n{request.headers}"
        mode = self.mode
        self.heard[mode].append(head.encode() + body)
        chosen = "refuse" if self.poison.encode() in body else mode
        request.wfile.write(ANSWERS[chosen](f"{body.decode()}\n{head}"))
        request.close_connection = chosen in {"cut", "garbage"}
