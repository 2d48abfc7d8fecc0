"""Builds the answers of the local PutEvents, in the form that AWS uses.

A refusal is a code and a message; the status follows from the code, by the table. The code is in the header
``x-amzn-errortype`` and the message in the body, as in the rest-json protocol.
"""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

# Codes as Personalize and AWS's front door send them; any other code is a 400.
STATUS = {
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "InternalServerException": 500,
    "InvalidInputException": 400,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "RequestEntityTooLargeException": 413,
    "ResourceNotFoundException": 404,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 400,
    "UnknownOperationException": 404,
    "UnrecognizedClientException": 403,
}
PHRASES = {200: b"OK", 400: b"Bad Request", 403: b"Forbidden", 404: b"Not Found", 413: b"Content Too Large"}


class Refusal(Struct, frozen=True):
    """A call that is not accepted, and why."""

    code: str
    message: str


class Reply(Struct, frozen=True):
    """Bytes to write, now or later; ``ended`` is called once: they are written, or the client has gone."""

    payload: bytes
    after_seconds: float = 0
    ended: Callable[[], None] | None = None


class Reset(Struct, frozen=True):
    """Cut the connection instead of answering."""

    ended: Callable[[], None] | None = None


class Silence(Struct, frozen=True):
    """Never answer; ``ended`` is called when the client has given up."""

    ended: Callable[[], None] | None = None


Answer = Reply | Reset | Silence


def response(
    status: int, body: bytes, content_type: bytes = b"application/json", extra: bytes = b""
) -> bytes:
    """Return an HTTP response; ``extra`` holds whole header lines."""
    return b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
        status,
        PHRASES.get(status, b"Error"),
        content_type,
        len(body),
        extra,
        body,
    )


ACCEPTED = response(200, b"")


@lru_cache(maxsize=2)
def _date_line(epoch_second: int) -> bytes:
    return b"\r\ndate: %b\r\n" % formatdate(epoch_second, usegmt=True).encode()


def dated(payload: bytes, epoch_seconds: float) -> bytes:
    """Return the same response with a Date header, as every answer of AWS has one."""
    return payload.replace(b"\r\n", _date_line(int(epoch_seconds)), 1)


def refused(refusal: Refusal) -> bytes:
    """Return the HTTP response for a refusal."""
    body = msgspec.json.encode({"message": refusal.message})
    errortype = b"x-amzn-errortype: %b\r\n" % refusal.code.encode()
    return response(STATUS.get(refusal.code, 400), body, extra=errortype)
