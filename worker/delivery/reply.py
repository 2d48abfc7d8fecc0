"""Reads an HTTP answer: code, message, how long to wait. Reading never raises, whatever the bytes.

A 200 alone does not settle records: a captive portal, an inspecting proxy or a login page also answers with
one. PutEvents has no body in its 200 (``personalize-events`` 2018-03-22: no output), so an answer with a body
is not its answer.
"""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec

from worker.core.model.error_codes import ERROR_CODES, classify
from worker.core.model.outcomes import TransientFault

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer
    from worker.http.reply import Reply

# A proxy that says "in an hour" must not stop the worker for an hour.
MAX_RETRY_AFTER_SECONDS = 60.0
_MAX_MESSAGE_CHARACTERS = 1000
_OK = 200
_NOT_THE_API = TransientFault("NotTheApi")
# UnicodeDecodeError: msgspec validates the bytes of a string only when it creates the string.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read(reply: Reply, now: float) -> Answer:
    """Classify a reply that came at ``now``, in epoch seconds."""
    if reply.status == _OK and not reply.body and not reply.error_type:
        # Nothing else in it matters, and nearly every answer is one of these.
        return classify(_OK)
    said = _said(reply.body)
    code = _code(reply.error_type, said or {})
    if reply.status == _OK and code not in ERROR_CODES:
        return classify(_OK) if not code and _is_acceptance(reply, said) else _NOT_THE_API
    wait = _milliseconds(reply.amz_retry_after)
    return classify(
        reply.status,
        code,
        _text(said or {}, "message", "Message")[:_MAX_MESSAGE_CHARACTERS],
        _retry_after(reply.retry_after, now) if wait is None else wait,
    )


def _is_acceptance(reply: Reply, said: dict[str, object] | None) -> bool:
    """Tell PutEvents' 200 from a web page's; some emulators send ``{}``, and a later API may send a body."""
    return not reply.body.strip() or said == {} or (reply.has_request_id and said is not None)


def _said(body: bytes) -> dict[str, object] | None:
    """Decode the body as a JSON object; None if it is anything else."""
    try:
        said = msgspec.json.decode(body)
    except _UNREADABLE:
        return None
    return said if isinstance(said, dict) else None


def _code(error_type: str, said: dict[str, object]) -> str:
    return _bare(error_type or _text(said, "__type", "code", "Code"))


def _text(said: dict[str, object], *names: str) -> str:
    """Return the first of these members that is text."""
    return next((text for name in names if isinstance(text := said.get(name), str) and text), "")


def _bare(code: str) -> str:
    """Reduce ``ns#Code:http://where`` to ``Code``, as botocore does."""
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
        # The standard library's parser has raised each of these on malformed input.
        return None


def _bounded(seconds: float) -> float | None:
    return min(seconds, MAX_RETRY_AFTER_SECONDS) if math.isfinite(seconds) and seconds >= 0 else None
