"""The headers that a dead letter has in addition to those of its record.

The dead-letter writer sets them. The mapping reads the ``ORIGINAL_`` ones, because an event's id is derived
from the original position of its record, so that a replayed dead letter keeps its id. All values are UTF-8
text, numbers decimal.

The headers of a record may be inaccessible: Kafka's Python client decodes their names as UTF-8, and returns
none of them if one name is not UTF-8. Such a record has the one header ``HEADERS`` instead, and so does its
dead letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.core.model.records import Headers

ORIGINAL_TOPIC: Final = "personalize-worker.original.topic"
ORIGINAL_PARTITION: Final = "personalize-worker.original.partition"
ORIGINAL_OFFSET: Final = "personalize-worker.original.offset"
ORIGINAL_TIMESTAMP: Final = "personalize-worker.original.timestamp"
"""Epoch milliseconds; empty for a record without a timestamp."""

ELEMENT: Final = "personalize-worker.original.element"
"""Which of the record's several events died, from 0; present only if the record holds several."""

ERROR_CLASS: Final = "personalize-worker.error-class"
"""The ``kind`` of the reason."""
REASON: Final = "personalize-worker.reason"
"""The ``text`` of the reason."""
TRIES: Final = "personalize-worker.tries"
FAILED_AT: Final = "personalize-worker.failed-at"
WORKER_VERSION: Final = "personalize-worker.version"
REPLAYS: Final = "personalize-worker.replays"
"""How often this dead letter was replayed before it failed again; present only after a replay."""

HEADERS: Final = "personalize-worker.headers"
"""Why the record's own headers are missing; present only where they are."""
UNREADABLE: Final = b"unreadable"
"""The value of ``HEADERS`` where the client could not read them."""
UNWRITABLE: Final = b"unwritable"
"""The value of ``HEADERS`` where the client could not write them."""
UNREADABLE_HEADERS: Final[Headers] = ((HEADERS, UNREADABLE),)
"""The headers of a record whose header names are not UTF-8."""
