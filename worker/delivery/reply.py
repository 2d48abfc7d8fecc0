"""Classifies an answer of PutEvents. It never raises, whatever the bytes.

A 200 alone does not settle records: a captive portal, an inspecting proxy or a login page also answers with
one. PutEvents has no body in its 200 (``personalize-events`` 2018-03-22: no output), so an answer with a body
is not its answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.aws.error_answers import code_of, decode_object, message_of, retry_after_seconds
from worker.core.model.error_codes import ERROR_CODES, classify
from worker.core.model.outcomes import TransientFault

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer
    from worker.http.reply import Reply

_OK = 200
_NOT_THE_API = TransientFault("NotTheApi")


def read(reply: Reply, now: float) -> Answer:
    """Classify a reply that came at ``now``, in epoch seconds."""
    if reply.status == _OK and not reply.body and not reply.error_type:
        # Nothing else in it matters, and nearly every answer is one of these.
        return classify(_OK)
    said = decode_object(reply.body)
    code = code_of(reply, said)
    if reply.status == _OK and code not in ERROR_CODES:
        return classify(_OK) if not code and _is_acceptance(reply, said) else _NOT_THE_API
    return classify(reply.status, code, message_of(said), retry_after_seconds(reply, now))


def _is_acceptance(reply: Reply, said: dict[str, object] | None) -> bool:
    """Tell PutEvents' 200 from a web page's; some emulators send ``{}``, and a later API may send a body."""
    return not reply.body.strip() or said == {} or (reply.has_request_id and said is not None)
