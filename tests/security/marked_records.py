"""Marked records: one for each reason why a record can't be mapped, and good ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from worker.core.mapping import faults
from worker.formats import protocol

if TYPE_CHECKING:
    from tests.security.marks import Marks

SENT_AT: Final = 1_700_000_000


# Of JSON, all but the one that takes a mapping with `values`: its text is of the mapping alone.
_OF_OTHERS: Final = (
    faults.UNLISTED,
    protocol.MALFORMED,
    protocol.NO_SCHEMA_ID,
    protocol.UNKNOWN_SCHEMA,
    protocol.BAD_SCHEMA,
)
KINDS: Final = tuple(kind for kind in faults.KINDS if kind not in _OF_OTHERS)


class MarkedRecord(Struct, frozen=True):
    """As it goes onto the topic."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]

    def all(self) -> bytes:
        """Whatever it says."""
        return b"\n".join((self.key, self.value, *(name.encode() + value for name, value in self.headers)))


def good_value(marks: Marks, what: str) -> dict[str, Any]:
    """A value of which everything that a user chose is marked."""
    return {
        "eventType": marks.text(f"{what}: event type"),
        "sentAt": SENT_AT,
        "sessionId": marks.nasty_id(f"{what}: session id"),
        "userId": marks.nasty_id(f"{what}: user id"),
        "itemId": marks.number(f"{what}: item id"),
        "eventId": marks.text(f"{what}: event id"),
        "eventValue": marks.number(f"{what}: event value") / 1000,
        "properties": {marks.text(f"{what}: property name"): marks.nasty(f"{what}: property value")},
        "impression": [marks.nasty_id(f"{what}: impression")],
        "recommendationId": marks.text(f"{what}: recommendation id"),
        "eventAttributionSource": marks.text(f"{what}: attribution source"),
    }


def good(marks: Marks, what: str, **more: object) -> MarkedRecord:
    """A record that can be mapped."""
    return _record(marks, what, json.dumps(good_value(marks, what) | more).encode())


def unmappable(marks: Marks) -> dict[str, MarkedRecord]:
    """A record for each of these kinds of reason."""
    value = {kind: good_value(marks, kind) for kind in KINDS}
    del value[faults.MISSING]["sessionId"]
    value[faults.WRONG_TYPE]["sessionId"] = {"a": marks.nasty("wrong_type: inner")}
    value[faults.EMPTY]["impression"] += [""]
    value[faults.TOO_LONG]["userId"] *= 20
    value[faults.TOO_MANY]["impression"] *= 26
    value[faults.TOO_LARGE]["impression"] = [f"{value[faults.TOO_LARGE]['itemId']}{'é' * 240}"] * 25
    value[faults.OUT_OF_RANGE]["sentAt"] = marks.number("out_of_range: sent at") * 10**9
    value[faults.NOT_TEXT]["userId"] += "\x07"
    value[faults.NOT_PRINTABLE]["eventAttributionSource"] += "é"
    value[faults.RESERVED_KEY]["properties"]["userId"] = marks.nasty("reserved_key: reserved")
    value[faults.RESERVED_VALUE]["sessionId"] = "null"
    raw = {kind: json.dumps(each).encode() for kind, each in value.items()}
    raw[protocol.NOT_JSON] = b"\xff{" + marks.nasty("not_json: raw").encode()
    raw[protocol.NOT_AN_OBJECT] = json.dumps([marks.nasty("not_an_object: raw")]).encode()
    return {kind: _record(marks, kind, each) for kind, each in raw.items()}


def _record(marks: Marks, what: str, value: bytes) -> MarkedRecord:
    headers = [(marks.text(f"{what}: header name"), marks.nasty(f"{what}: header value").encode())]
    return MarkedRecord(marks.text(f"{what}: key").encode(), value, headers)
