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


class Refusal(Struct, frozen=True):
    """A call that is not accepted, and why."""

    code: str
    message: str


class Response(Struct, frozen=True):
    """An HTTP response."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Reply(Struct, frozen=True):
    """Answer now or later; ``ended`` is called once: the answer is written, or the client has gone."""

    response: Response
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
    status: int,
    body: bytes,
    content_type: bytes = b"application/json",
    extra: tuple[tuple[bytes, bytes], ...] = (),
) -> Response:
    """An HTTP response; ``extra`` holds further headers."""
    length = str(len(body)).encode()
    return Response(status, ((b"content-type", content_type), (b"content-length", length), *extra), body)


ACCEPTED = response(200, b"")


@lru_cache(maxsize=2)
def _date(epoch_second: int) -> tuple[bytes, bytes]:
    return b"date", formatdate(epoch_second, usegmt=True).encode()


def dated(response: Response, epoch_seconds: float) -> Response:
    """The same response, with a Date: all that AWS answers has one."""
    return Response(response.status, (_date(int(epoch_seconds)), *response.headers), response.body)


def refused(refusal: Refusal) -> Response:
    """The HTTP response that says no."""
    body = msgspec.json.encode({"message": refusal.message})
    errortype = b"x-amzn-errortype", refusal.code.encode()
    return response(STATUS.get(refusal.code, 400), body, extra=(errortype,))
