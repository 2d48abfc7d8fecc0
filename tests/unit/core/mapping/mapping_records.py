"""Records for the mapping's tests, and an independent reading of the API's rules."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from botocore.loaders import Loader

from tests.support.builders import record
from worker.core.mapping import compile_mapping
from worker.core.model.records import Interaction, Undecodable
from worker.local.rules import violation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.core.model.records import Headers, Mapped, Reason

MINIMAL = {"eventType": "view", "sentAt": 1_700_000_000, "sessionId": "s-1"}
IDS = ("eventId", "eventType", "itemId", "recommendationId")
RESERVED = {"userid", "sessionid", "eventtype", "timestamp", "recommendationid", "impression"}


class OfRecord(TypedDict, total=False):
    """What a record has besides its value."""

    key: bytes | None
    headers: Headers
    timestamp_ms: int | None


def mapped(
    value: object, mapping: Mapping[str, object] | None = None, **of_record: Unpack[OfRecord]
) -> Mapped:
    """What comes of a record with this JSON value (bytes as they are) under this mapping."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return compile_mapping(mapping or {})(record(value=raw, **of_record))


def interaction_of(
    value: object, mapping: Mapping[str, object] | None = None, **of_record: Unpack[OfRecord]
) -> Interaction:
    """The interaction that must come of it."""
    outcome = mapped(value, mapping, **of_record)
    assert isinstance(outcome, Interaction), outcome
    return outcome


def event_of(
    value: object, mapping: Mapping[str, object] | None = None, **of_record: Unpack[OfRecord]
) -> dict[str, Any]:
    """The event that must come of it."""
    event: dict[str, Any] = json.loads(interaction_of(value, mapping, **of_record).event)
    return event


def reason_of(
    value: object, mapping: Mapping[str, object] | None = None, **of_record: Unpack[OfRecord]
) -> Reason:
    """Why no interaction comes of it."""
    outcome = mapped(value, mapping, **of_record)
    assert isinstance(outcome, Undecodable), outcome
    return outcome.reason


def assert_fulfils_every_rule(interaction: Interaction) -> None:
    """Hold the interaction to botocore's service model, and to the guide for what the model does not say."""
    model = _service_model()
    event = json.loads(interaction.event)
    call = {"trackingId": "t", "sessionId": interaction.session_id, "eventList": [event]}
    if interaction.user_id is not None:
        call["userId"] = interaction.user_id
    _check(model, "PutEventsRequest", call)
    assert violation(call) is None
    assert len(interaction.event) <= 10_240
    assert interaction.session_id != "null"
    ids = [interaction.session_id, interaction.user_id, *map(event.get, IDS), *event.get("impression", ())]
    for text in filter(None, ids):
        assert text.strip(" \t\r\n")
        assert all(unicodedata.category(each) not in {"Cc", "Cs"} for each in text)
    assert isinstance(event["sentAt"], int)
    assert event["eventId"]
    if "properties" in event:
        properties = json.loads(event["properties"])
        assert isinstance(properties, dict)
        assert properties
        assert not RESERVED & {key.lower() for key in properties}


@cache
def _service_model() -> dict[str, Any]:
    model: dict[str, Any] = Loader().load_service_model("personalize-events", "service-2")["shapes"]
    return model


def _check(shapes: dict[str, Any], name: str, value: object) -> None:
    shape = shapes[name]
    match shape["type"]:
        case "structure":
            assert isinstance(value, dict)
            assert set(shape.get("required", ())) <= value.keys() <= shape["members"].keys()
            for member, each in value.items():
                _check(shapes, shape["members"][member]["shape"], each)
        case "list":
            assert isinstance(value, list)
            assert shape["min"] <= len(value) <= shape["max"]
            for each in value:
                _check(shapes, shape["member"]["shape"], each)
        case "string":
            assert isinstance(value, str)
            assert shape.get("min", 0) <= len(value) <= shape["max"]
            assert re.fullmatch(shape.get("pattern", "(?s).*").strip("^$"), value)
        case "timestamp":
            assert type(value) is int
        case "float":
            assert type(value) is float
            assert abs(value) < 3.41e38
        case other:
            raise AssertionError(other)
