"""The body of a PutEvents call, put together from events that are encoded already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.json import encode

if TYPE_CHECKING:
    from worker.core.model.records import Batch


class EventsBody:
    """Builds bodies for one tracker."""

    __slots__ = ("_head",)

    def __init__(self, tracking_id: str) -> None:
        """Encode once what every call begins with."""
        self._head = b'{"trackingId":' + encode(tracking_id) + b',"sessionId":'

    def __call__(self, batch: Batch) -> bytes:
        """Build the JSON of one call; an anonymous batch has no ``userId`` at all.

        Raises:
            UnicodeEncodeError: session or user id holds half a surrogate pair, which UTF-8 can't.
        """
        user = b"" if batch.user_id is None else b',"userId":' + encode(batch.user_id)
        events = b",".join([each.event for each in batch.interactions])
        return b"".join((self._head, encode(batch.session_id), user, b',"eventList":[', events, b"]}"))
