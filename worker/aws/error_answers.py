"""Reads what an AWS answer says of an error: code, message, how long to wait. It never raises."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from worker.http.reply import Reply

# A proxy that says "in an hour" must not stop the worker for an hour.
MAX_RETRY_AFTER_SECONDS = 60.0
_MAX_MESSAGE_CHARACTERS = 1000
# UnicodeDecodeError: msgspec validates the bytes of a string only when it creates the string.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode_object(body: bytes) -> dict[str, object] | None:
    """Decode the body as a JSON object; None if it is anything else."""
    try:
        said = msgspec.json.decode(body)
    except UNREADABLE:
        return None
    return said if isinstance(said, dict) else None


def code_of(reply: Reply, said: dict[str, object] | None) -> str:
    """Return the error code without namespace, as botocore does; empty if there is none."""
    code = reply.error_type or _text(said or {}, "__type", "code", "Code")
    # ``ns#Code:http://where`` is ``Code``.
    return code.partition(":")[0].rpartition("#")[2].strip()


def message_of(said: dict[str, object] | None) -> str:
    """Return the beginning of the message; it may hold user data."""
    return _text(said or {}, "message", "Message")[:_MAX_MESSAGE_CHARACTERS]


def retry_after_seconds(reply: Reply, now: float) -> float | None:
    """Return how long the answer asks us to wait, a minute at most; ``now`` is in epoch seconds."""
    wait = _number(reply.amz_retry_after)
    bounded = None if wait is None else _bounded(wait / 1000)
    return _seconds(reply.retry_after, now) if bounded is None else bounded


def _text(said: dict[str, object], *names: str) -> str:
    """Return the first of these members that is text."""
    return next((text for name in names if isinstance(text := said.get(name), str) and text), "")


def _seconds(text: str, now: float) -> float | None:
    wait = _number(text)
    return _until(text, now) if wait is None else _bounded(wait)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _until(text: str, now: float) -> float | None:
    if not text:
        return None
    try:
        return _bounded(max(0.0, parsedate_to_datetime(text).timestamp() - now))
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        # The standard library's parser has raised each of these on malformed input.
        return None


def _bounded(seconds: float) -> float | None:
    return min(seconds, MAX_RETRY_AFTER_SECONDS) if math.isfinite(seconds) and seconds >= 0 else None
