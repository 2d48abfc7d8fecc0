"""The mappings of the measured shapes, written by hand so that they promise what the worker promises.

Ids are text or integers, at most 256 characters, no placeholders, and hold no control characters. Times are
of the years that the worker accepts, properties an object of at most 1,024 characters without reserved keys,
an event at most as large as the API takes it. An event without an id gets one from the record's position.
Tables are shared with the worker. Nothing is read that these records do not have.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from worker.core.mapping.placeholders import BLANKS, placeholders
from worker.core.mapping.times import EARLIEST_SECONDS, END_SECONDS
from worker.core.operations.put_events import PUT_EVENTS
from worker.core.operations.table import JsonObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.records import Record

    Calls: TypeAlias = list[tuple[str, str | None, bytes]]
    """Session, user and event, for each event of a record."""
    Found: TypeAlias = dict[str, Any]

EVENT_TYPES: Final = {"Product Viewed": "view", "Product Added": "cart", "Order Completed": "purchase"}

_ABSENT: Final = BLANKS | placeholders(())
_MAX_ID: Final = 256
_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_RESERVED: Final = next(
    frozenset(field.type.reserved_keys) for field in PUT_EVENTS.fields if isinstance(field.type, JsonObject)
)
_MAX_PROPERTIES: Final = 1024
_LARGEST: Final = 3.4028234663852886e38
_MICROS: Final = 1_000_000

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Refused(Exception):  # noqa: N818  a state of the record, as in the worker
    """The record breaks a rule."""


def by_hand(way: Callable[[Record], Calls]) -> Callable[[Record], Calls | str]:
    """The same, which says what is wrong with a record instead of raising it."""

    def calls(record: Record) -> Calls | str:
        try:
            return way(record)
        except Refused as fault:
            return str(fault)
        except (msgspec.MsgspecError, UnicodeError, KeyError, TypeError, RecursionError):
            return "not what such a record is"

    return calls


def flat(record: Record) -> Calls:
    """The flat names of PutEvents."""
    found = _object(record)
    event = {
        "eventType": _required("eventType", found.get("eventType")),
        "sentAt": _seconds(found.get("sentAt")),
        "eventId": _id("eventId", found.get("eventId")) or _derived(record),
    }
    _add(event, "itemId", _id("itemId", found.get("itemId")))
    _add(event, "eventValue", _number(found.get("eventValue")))
    _add(event, "properties", _properties(found.get("properties")))
    return [
        (_required("sessionId", found.get("sessionId")), _id("userId", found.get("userId")), _event(event))
    ]


def track(record: Record) -> Calls:
    """A track call of Segment."""
    return _track(record, _object(record))


def kept_track(record: Record) -> Calls:
    """A track call, unless it is one of those that are left out."""
    found = _object(record)
    context = found.get("context")
    agent = context.get("userAgent") if isinstance(context, dict) else None
    if found.get("type") != "track" or found.get("event") not in EVENT_TYPES:
        return []
    if isinstance(agent, str) and "bot" in agent:
        return []
    return _track(record, found)


def order(record: Record) -> Calls:
    """An order with an event for every product."""
    found = _object(record)
    event_type, sent_at = _event_type(found.get("event")), _iso_seconds(found.get("timestamp"))
    session_id, user_id = (
        _required("anonymousId", found.get("anonymousId")),
        _id("userId", found.get("userId")),
    )
    message_id = _id("messageId", found.get("messageId")) or _derived(record)
    calls: Calls = []
    for number, product in enumerate(found["properties"]["products"]):
        event = {
            "eventType": event_type,
            "sentAt": sent_at,
            "eventId": _id("messageId", f"{message_id}-{number}") if number else message_id,
        }
        _add(event, "itemId", _id("product_id", product.get("product_id")))
        _add(event, "eventValue", _number(product.get("price")))
        calls.append((session_id, user_id, _event(event)))
    return calls


def ga4(record: Record) -> Calls:
    """An event of the GA4 export to BigQuery."""
    found = _object(record)
    params = {each["key"]: each["value"] for each in found["event_params"]}
    items = found.get("items")
    item = items[0] if items else {}
    visitor = _required("user_pseudo_id", found.get("user_pseudo_id"))
    session = _required("ga_session_id", params["ga_session_id"]["int_value"])
    micros = found.get("event_timestamp")
    event = {
        "eventType": _required("event_name", found.get("event_name")),
        "sentAt": _seconds(micros // _MICROS if type(micros) is int else micros),
        "eventId": _id("eventId", f"{visitor}-{micros}"),
    }
    _add(event, "itemId", _id("item_id", item.get("item_id")))
    _add(event, "eventValue", _number(item.get("price")))
    properties: Found = {}
    _add(properties, "page", params["page_location"]["string_value"])
    _add(properties, "currency", params["currency"]["string_value"])
    _add(event, "properties", _properties(properties))
    session_id = _required("sessionId", f"{visitor}-{session}")
    return [(session_id, _id("user_id", found.get("user_id")), _event(event))]


def _track(record: Record, found: Found) -> Calls:
    of_event = found["properties"]
    event = {
        "eventType": _event_type(found.get("event")),
        "sentAt": _iso_seconds(found.get("timestamp")),
        "eventId": _id("messageId", found.get("messageId")) or _derived(record),
    }
    _add(event, "itemId", _id("product_id", of_event.get("product_id")))
    _add(event, "eventValue", _number(of_event.get("price")))
    properties: Found = {}
    _add(properties, "category", of_event.get("category"))
    _add(properties, "currency", of_event.get("currency"))
    _add(event, "properties", _properties(properties))
    session_id = _required("anonymousId", found.get("anonymousId"))
    return [(session_id, _id("userId", found.get("userId")), _event(event))]


def _object(record: Record) -> Found:
    found = _decode(record.value or b"")
    if type(found) is not dict:
        raise Refused("not an object")
    return found


def _add(event: Found, name: str, value: object) -> None:
    if value is not None:
        event[name] = value


def _id(name: str, value: object) -> str | None:
    if value is None:
        return None
    if type(value) is int:
        value = str(value)
    if type(value) is not str:
        raise Refused(f"{name}: neither text nor an integer")
    if value in _ABSENT:
        return None
    if len(value) > _MAX_ID:
        raise Refused(f"{name}: too long")
    if not value.isprintable() and _UNFIT.search(value):
        raise Refused(f"{name}: holds control characters, or is not Unicode")
    return value


def _required(name: str, value: object) -> str:
    text = _id(name, value)
    if text is None:
        raise Refused(f"{name}: missing")
    return text


def _event_type(name: object) -> str:
    if not isinstance(name, str) or name not in EVENT_TYPES:
        raise Refused("event: not listed")
    return EVENT_TYPES[name]


def _seconds(value: object) -> int:
    if type(value) is not int and type(value) is not float:
        raise Refused("time: missing, or not a number")
    if not EARLIEST_SECONDS <= value < END_SECONDS:
        raise Refused("time: of another century")
    return int(value)


def _iso_seconds(value: object) -> int:
    if type(value) is not str:
        raise Refused("time: missing, or not text")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Refused("time: not ISO 8601") from None
    return _seconds(math.floor((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))


def _number(value: object) -> float | None:
    if value is None:
        return None
    if type(value) is not float and type(value) is not int:
        raise Refused("number: something else")
    if not -_LARGEST <= value <= _LARGEST:
        raise Refused("number: out of range")
    return float(value)


def _properties(found: object) -> str | None:
    if not found:
        return None
    if type(found) is not dict:
        raise Refused("properties: not an object")
    if not _RESERVED.isdisjoint(map(str.lower, found)):
        raise Refused("properties: a reserved key")
    text = _encode(found).decode()
    if len(text) > _MAX_PROPERTIES:
        raise Refused("properties: too long")
    return text


def _event(event: Found) -> bytes:
    encoded = _encode(event)
    if len(encoded) > PUT_EVENTS.max_entry_bytes:
        raise Refused("the event is too large")
    return encoded


def _derived(record: Record) -> str:
    topic, partition = record.assignment.partition
    return f"{topic}-{partition}-{record.offset}-{record.timestamp_ms}"
