"""The rules that PutEvents puts on a call and its events: one table.

From the service model in botocore (``personalize-events``, 2018-03-22) and the AWS developer guide. botocore
itself checks neither maximum lengths nor list sizes nor patterns, so whoever breaks a rule learns it from the
API, which then refuses the whole call. Lengths are in characters (Unicode code points), sizes in bytes of
UTF-8.
"""

from __future__ import annotations

from typing import Final

EVENTS_PER_CALL: Final = 10

ID_CHARACTERS: Final = 256
"""Of a session, user, item or event id, of an event type, and of each item of an impression."""

RECOMMENDATION_ID_CHARACTERS: Final = 40

PROPERTIES_CHARACTERS: Final = 1024
"""Of the JSON text of an event's properties."""

ATTRIBUTION_SOURCE_CHARACTERS: Final = 1024
"""All of them printable ASCII, and not only spaces."""

IMPRESSION_ITEMS: Final = 25

# The guide says 10 KB. Should it mean 10,000, then the API refuses what lies between, which costs that one
# event; the other way round we would refuse what the API takes.
EVENT_BYTES: Final = 10_240

EVENT_VALUE_MAGNITUDE: Final = 3.4028234663852886e38
"""``eventValue`` is a float of 32 bits."""

RESERVED_PROPERTIES: Final = {
    name.lower(): name
    for name in ("userId", "sessionId", "eventType", "timestamp", "recommendationId", "impression")
}
"""Keys that properties must not hold, whatever their case: lower case to the API's spelling."""

RESERVED_SESSION_ID: Final = "null"
"""A call of this session is answered 200 and ignored."""
