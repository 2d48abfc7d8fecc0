"""The one table of PutEvents: its fields, limits and calls.

The sources are the service model in botocore (``personalize-events``, 2018-03-22) and the AWS developer
guide. botocore itself checks neither maximum lengths nor list sizes nor patterns. Whoever breaks a rule
learns it from the API, which then refuses the whole call.
"""

from __future__ import annotations

from typing import Final

from worker.core.operations.table import (
    Id,
    IdList,
    JsonObject,
    Number,
    Operation,
    OperationField,
    PrintableAscii,
    Time,
)

_ID: Final = Id(max_characters=256)

# A call with the session "null" is answered with 200 and ignored.
_SESSION_ID: Final = Id(max_characters=256, reserved=frozenset({"null"}))

_PROPERTIES: Final = JsonObject(
    max_characters=1024,
    reserved_keys={
        name.lower(): name
        for name in ("userId", "sessionId", "eventType", "timestamp", "recommendationId", "impression")
    },
)

# The largest float of 32 bits.
_FLOAT: Final = Number(max_magnitude=3.4028234663852886e38)

PUT_EVENTS: Final = Operation(
    name="PutEvents",
    fields=(
        OperationField("event_type", "eventType", _ID, ("eventType",), required="every event has a type"),
        OperationField(
            "sent_at", "sentAt", Time(), ("sentAt", "$timestamp"), required="every event has its time"
        ),
        OperationField(
            "session_id",
            "sessionId",
            _SESSION_ID,
            ("sessionId",),
            required="a record without a session cannot be delivered",
            of_call=True,
        ),
        # The user belongs to the call, not to the event, so a login splits a session's batch.
        OperationField("user_id", "userId", _ID, ("userId",), of_call=True),
        OperationField("item_id", "itemId", _ID, ("itemId",)),
        OperationField("event_id", "eventId", _ID, ("eventId",), unique=True),
        OperationField("event_value", "eventValue", _FLOAT, ("eventValue",)),
        OperationField("properties", "properties", _PROPERTIES, ("properties",)),
        OperationField("impression", "impression", IdList(max_items=25, item=_ID), ("impression",)),
        OperationField("recommendation_id", "recommendationId", Id(max_characters=40), ("recommendationId",)),
        OperationField(
            "event_attribution_source",
            "metricAttribution.eventAttributionSource",
            PrintableAscii(max_characters=1024),
            ("eventAttributionSource",),
        ),
    ),
    max_entries=10,
    # The guide says 10 KB. If that means 10,000, the API refuses what lies between, which costs that one
    # event. The other way round, we would refuse what the API accepts.
    max_entry_bytes=10_240,
    # Personalize learns from the order of a session's events.
    ordered_by="session_id",
)
