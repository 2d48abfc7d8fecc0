"""Classifies an answer of PutEvents. It never raises, whatever the bytes.

A 200 alone does not settle records: a captive portal, an inspecting proxy or a login page also answers with
one. PutEvents has no body in its 200 (``personalize-events`` 2018-03-22: no output), so an answer with a body
is not its answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import structs

from worker.aws.error_answers import code_of, decode_object, message_of, retry_after_seconds
from worker.core.model.error_codes import ERROR_CODES, classify
from worker.core.model.outcomes import Accepted, TransientFault

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer
    from worker.http.reply import Reply

_OK = 200
_NOT_THE_API = TransientFault("NotTheApi")
# What AWS sends. Whoever else answers may write anything there, what it was sent included.
_REQUEST_ID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read(reply: Reply, now: float) -> Answer:
    """Classify a reply that came at ``now``, in epoch seconds."""
    request_id = reply.request_id if _REQUEST_ID.fullmatch(reply.request_id) else ""
    if reply.status == _OK and not reply.body and not reply.error_type:
        # Nothing else in it matters, and nearly every answer is one of these.
        return Accepted(request_id)
    answer = _classified(reply, now)
    return structs.replace(answer, request_id=request_id) if request_id else answer


def _classified(reply: Reply, now: float) -> Answer:
    said = decode_object(reply.body)
    code = code_of(reply, said)
    if reply.status == _OK and code not in ERROR_CODES:
        return classify(_OK) if not code and _is_acceptance(reply, said) else _NOT_THE_API
    return classify(reply.status, code, message_of(said), retry_after_seconds(reply, now))


def _is_acceptance(reply: Reply, said: dict[str, object] | None) -> bool:
    """Tell PutEvents' 200 from a web page's; some emulators send ``{}``, and a later API may send a body."""
    return not reply.body.strip() or said == {} or (bool(reply.request_id) and said is not None)
