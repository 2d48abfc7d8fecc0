"""The shapes of records on which the mapping is measured, each with the same mapping written by hand.

The functions here trust their records and check nothing: what a script would be that runs once. Those of
``by_hand`` keep what the worker promises.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from benchmarks.by_hand import EVENT_TYPES, by_hand, flat, ga4, kept_track, order, track

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.by_hand import Calls
    from worker.core.model.records import Record

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Shape(Struct, frozen=True):
    """One shape: a record, and three ways to map it."""

    value: bytes
    mapping: dict[str, Any]
    by_hand: Callable[[Record], Calls | str]
    unchecked: Callable[[bytes], Calls]
    """The same without any check."""
    expression: str | None
    """In JMESPath: a list of objects, each an event with its session and user; None: it cannot say that."""
    seconds: Callable[[Any], int]
    """Of the record's time, which JMESPath cannot read."""


def _iso_seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


FLAT = {
    "eventType": "view",
    "sentAt": 1_767_225_600,
    "sessionId": "session-00000017",
    "userId": "user-17",
    "itemId": "item-4711",
    "eventId": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "properties": {"price": 10.5, "color": "red"},
    "page": "x" * 60,
}


def flat_unchecked(value: bytes) -> Calls:
    """The flat names of PutEvents."""
    found = _decode(value)
    event = {
        "eventType": found["eventType"],
        "sentAt": found["sentAt"],
        "itemId": found["itemId"],
        "eventId": found["eventId"],
        "properties": _encode(found["properties"]).decode(),
    }
    return [(found["sessionId"], found.get("userId"), _encode(event))]


TRACK = {
    "type": "track",
    "event": "Product Viewed",
    "messageId": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "anonymousId": "507f191e810c19729de860ea",
    "userId": "user-17",
    "timestamp": "2026-01-01T00:00:00.123Z",
    "sentAt": "2026-01-01T00:00:01.000Z",
    "context": {"ip": "192.0.2.1", "locale": "en-US", "page": {"path": "/p/4711", "title": "A product"},
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},
    "properties": {"product_id": "item-4711", "sku": "G-32", "category": "Games", "price": 18.99,
                   "currency": "USD", "quantity": 1},
}  # fmt: skip


def track_unchecked(value: bytes) -> Calls:
    """A track call of Segment."""
    found = _decode(value)
    properties = found["properties"]
    event = {
        "eventType": EVENT_TYPES[found["event"]],
        "sentAt": _iso_seconds(found["timestamp"]),
        "itemId": properties["product_id"],
        "eventId": found["messageId"],
        "eventValue": properties.get("price"),
        "properties": _encode(
            {"category": properties["category"], "currency": properties["currency"]}
        ).decode(),
    }
    return [(found["anonymousId"], found.get("userId"), _encode(event))]


TRACK_MAPPING: dict[str, Any] = {
    "event_type": {"path": "event", "values": EVENT_TYPES},
    "sent_at": {"path": "timestamp", "unit": "iso8601"},
    "session_id": "anonymousId",
    "event_id": "messageId",
    "item_id": "properties.product_id",
    "event_value": "properties.price",
    "properties": {"object": {"category": "properties.category", "currency": "properties.currency"}},
}
_TRACK_EVENT = (
    "{sessionId: anonymousId, userId: userId, "
    "eventType: (event == 'Product Viewed' && 'view') || (event == 'Product Added' && 'cart') || 'purchase', "
    "sentAt: timestamp, itemId: properties.product_id, eventId: messageId, eventValue: properties.price, "
    "properties: {category: properties.category, currency: properties.currency}}"
)

GA4 = {
    "event_date": "20260101",
    "event_timestamp": 1_767_225_600_123_456,
    "event_name": "view_item",
    "user_id": None,
    "user_pseudo_id": "1234567890.1767225500",
    "event_params": [
        {"key": "page_location", "value": {"string_value": "https://shop.example/p/4711", "int_value": None}},
        {"key": "page_title", "value": {"string_value": "A product", "int_value": None}},
        {"key": "ga_session_number", "value": {"string_value": None, "int_value": 3}},
        {"key": "engagement_time_msec", "value": {"string_value": None, "int_value": 1500}},
        {"key": "ga_session_id", "value": {"string_value": None, "int_value": 1_767_225_500}},
        {"key": "currency", "value": {"string_value": "EUR", "int_value": None}},
    ],
    "device": {"category": "mobile", "language": "en-us"},
    "items": [{"item_id": "item-4711", "item_name": "A product", "price": 18.99, "quantity": 1}],
}


def ga4_unchecked(value: bytes) -> Calls:
    """An event of the GA4 export to BigQuery."""
    found = _decode(value)
    params = {each["key"]: each["value"] for each in found["event_params"]}
    item = found["items"][0]
    visitor = found["user_pseudo_id"]
    properties = {
        "page": params["page_location"]["string_value"],
        "currency": params["currency"]["string_value"],
    }
    event = {
        "eventType": found["event_name"],
        "sentAt": found["event_timestamp"] // 1_000_000,
        "itemId": item["item_id"],
        "eventId": f"{visitor}-{found['event_timestamp']}",
        "eventValue": item.get("price"),
        "properties": _encode(properties).decode(),
    }
    return [(f"{visitor}-{params['ga_session_id']['int_value']}", found.get("user_id"), _encode(event))]


GA4_MAPPING = {
    "event_type": "event_name",
    "sent_at": {"path": "event_timestamp", "unit": "microseconds"},
    "session_id": {"join": ["user_pseudo_id", "event_params[key=ga_session_id].value.int_value"]},
    "user_id": "user_id",
    "item_id": "items[0].item_id",
    "event_id": {"join": ["user_pseudo_id", "event_timestamp"]},
    "event_value": "items[0].price",
    "properties": {
        "object": {
            "page": "event_params[key=page_location].value.string_value",
            "currency": "event_params[key=currency].value.string_value",
        }
    },
}
_GA4_EXPRESSION = (
    "[{sessionId: join('-', [user_pseudo_id, "
    "to_string(event_params[?key=='ga_session_id'].value.int_value | [0])]), userId: user_id, "
    "eventType: event_name, sentAt: event_timestamp, itemId: items[0].item_id, "
    "eventId: join('-', [user_pseudo_id, to_string(event_timestamp)]), eventValue: items[0].price, "
    "properties: {page: event_params[?key=='page_location'].value.string_value | [0], "
    "currency: event_params[?key=='currency'].value.string_value | [0]}}]"
)

ORDER = TRACK | {
    "event": "Order Completed",
    "properties": {
        "order_id": "50314b8e9bcf000000000000",
        "total": 189.9,
        "currency": "USD",
        "products": [
            {"product_id": f"item-{number}", "sku": f"G-{number}", "name": "A product",
             "price": 18.99 + number, "quantity": 1, "category": "Games"}
            for number in range(10)
        ],
    },
}  # fmt: skip


def order_unchecked(value: bytes) -> Calls:
    """An order with an event for every product."""
    found = _decode(value)
    event_type, sent_at = EVENT_TYPES[found["event"]], _iso_seconds(found["timestamp"])
    session_id, user_id, message_id = found["anonymousId"], found.get("userId"), found["messageId"]
    calls: Calls = []
    for number, product in enumerate(found["properties"]["products"]):
        event = {
            "eventType": event_type,
            "sentAt": sent_at,
            "itemId": product["product_id"],
            "eventId": f"{message_id}-{number}" if number else message_id,
            "eventValue": product.get("price"),
        }
        calls.append((session_id, user_id, _encode(event)))
    return calls


ORDER_MAPPING: dict[str, Any] = TRACK_MAPPING | {
    "each": "properties.products",
    "item_id": "$each.product_id",
    "event_value": "$each.price",
    "properties": None,
}


def kept_unchecked(value: bytes) -> Calls:
    """A track call, unless it is one of those that are left out."""
    found = _decode(value)
    if (
        found["type"] != "track"
        or found["event"] not in EVENT_TYPES
        or "bot" in found["context"]["userAgent"]
    ):
        return []
    return track_unchecked(value)


_RULES = {
    "keep": [{"path": "type", "equals": "track"}, {"path": "event", "in": list(EVENT_TYPES)}],
    "drop": [{"name": "bots", "path": "context.userAgent", "contains": "bot"}],
}
_KEEP = "type == 'track' && contains(['Product Viewed', 'Product Added', 'Order Completed'], event)"

SHAPES = {
    "flat": Shape(
        _encode(FLAT),
        {},
        by_hand(flat),
        flat_unchecked,
        "[{sessionId: sessionId, userId: userId, eventType: eventType, sentAt: sentAt, itemId: itemId, "
        "eventId: eventId, properties: properties}]",
        int,
    ),
    "nested, with values": Shape(
        _encode(TRACK), TRACK_MAPPING, by_hand(track), track_unchecked, f"[{_TRACK_EVENT}]", _iso_seconds
    ),
    "look-ups and joins": Shape(
        _encode(GA4),
        GA4_MAPPING,
        by_hand(ga4),
        ga4_unchecked,
        _GA4_EXPRESSION,
        lambda micros: micros // 1_000_000,
    ),
    "fan-out over 10": Shape(
        _encode(ORDER), ORDER_MAPPING, by_hand(order), order_unchecked, None, _iso_seconds
    ),
    "filters, all kept": Shape(
        _encode(TRACK),
        TRACK_MAPPING | _RULES,
        by_hand(kept_track),
        kept_unchecked,
        f"{_KEEP} && [{_TRACK_EVENT}]",
        _iso_seconds,
    ),
    "filters, all left out": Shape(
        _encode(TRACK | {"type": "page"}),
        TRACK_MAPPING | _RULES,
        by_hand(kept_track),
        kept_unchecked,
        f"{_KEEP} && [{_TRACK_EVENT}]",
        _iso_seconds,
    ),
}
