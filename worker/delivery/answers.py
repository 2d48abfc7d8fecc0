"""What an HTTP answer says: code, message, how long to wait. Whatever the bytes, reading never raises."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec

from worker.core.classify import classify

if TYPE_CHECKING:
    from worker.core.outcomes import Answer

# A proxy that says "in an hour" is not to stop the worker for one.
MAX_RETRY_AFTER_SECONDS = 60.0
_MAX_MESSAGE_CHARACTERS = 1000
_OK = 200


class Reply(msgspec.Struct, frozen=True):
    """An answer that came, as far as it matters."""

    status: int
    error_type: str = ""
    """The header ``x-amzn-errortype``."""
    retry_after: str = ""
    """The header ``Retry-After``: seconds or an HTTP date."""
    amz_retry_after: str = ""
    """The header ``x-amz-retry-after``: milliseconds."""
    body: bytes = b""
    """Its beginning, if it is long."""


def read(reply: Reply, now: float) -> Answer:
    """Classify a reply that came at ``now``, in epoch seconds."""
    if reply.status == _OK:
        # Nothing that it says matters, and nearly every answer is one.
        return classify(_OK)
    said = _said(reply.body)
    code = reply.error_type or said.get("__type") or said.get("code") or said.get("Code") or ""
    message = said.get("message") or said.get("Message") or ""
    wait = _milliseconds(reply.amz_retry_after)
    return classify(
        reply.status,
        _bare(code) if isinstance(code, str) else "",
        message[:_MAX_MESSAGE_CHARACTERS] if isinstance(message, str) else "",
        _retry_after(reply.retry_after, now) if wait is None else wait,
    )


def _said(body: bytes) -> dict[str, object]:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _bare(code: str) -> str:
    """Take ``ns#Code:http://where`` down to ``Code``, as botocore does."""
    return code.partition(":")[0].rpartition("#")[2].strip()


def _milliseconds(text: str) -> float | None:
    wait = _number(text)
    return None if wait is None else _bounded(wait / 1000)


def _retry_after(text: str, now: float) -> float | None:
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
        # The standard library's parser has raised each of these on garbage.
        return None


def _bounded(seconds: float) -> float | None:
    return min(seconds, MAX_RETRY_AFTER_SECONDS) if math.isfinite(seconds) and seconds >= 0 else None
