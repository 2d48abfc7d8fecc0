"""Builds the body of a PutEvents call from events that are already encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.json import encode

if TYPE_CHECKING:
    from worker.core.model.records import Batch


class EventsBody:
    """Builds bodies for one tracker.

    Args:
        tracking_id: the tracker's id. The beginning of every body is encoded from it once.
    """

    __slots__ = ("_head",)

    def __init__(self, tracking_id: str) -> None:
        self._head = b'{"trackingId":' + encode(tracking_id) + b',"sessionId":'

    def __call__(self, batch: Batch) -> bytes:
        """Build the JSON of one call; an anonymous batch has no ``userId`` at all.

        Raises:
            UnicodeEncodeError: session or user id contains half a surrogate pair, which UTF-8 can't encode.
        """
        user = b"" if batch.user_id is None else b',"userId":' + encode(batch.user_id)
        events = b",".join([each.event for each in batch.interactions])
        return b"".join((self._head, encode(batch.session_id), user, b',"eventList":[', events, b"]}"))
