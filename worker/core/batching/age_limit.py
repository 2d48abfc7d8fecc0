"""Decides when a record is too old to be sent, and what happens to it then.

A record's age is measured by its own timestamp in Kafka. These records are never too old:

- Records without a timestamp.
- Records with a timestamp in the future: a producer's wrong clock is no reason to lose its records.
- Records with a timestamp before 1973: that is a zero, or seconds where milliseconds are meant.
- Dead letters that were replayed: somebody asked for them, and they would only become dead letters again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from worker.core.model.dead_letter_headers import ORIGINAL_TOPIC
from worker.core.model.records import Reason

if TYPE_CHECKING:
    from worker.core.model.records import Record

# 1973-03-03T09:46:40Z, which is also the earliest time that an event may have. Current times in seconds
# instead of milliseconds all lie before it.
_EARLIEST_MS: Final = 100_000_000_000

# The rule's name in all counters.
TOO_OLD: Final = "too_old"


class AgeLimit(Struct, frozen=True):
    """How old a record may be when it is due to be sent."""

    max_age_seconds: float
    """``inf``: no limit."""
    when_too_old: Literal["dead_letter", "skip"]

    def is_exceeded_by(self, record: Record, epoch_seconds: float) -> bool:
        """Whether the record is older than the limit at ``epoch_seconds``."""
        timestamp_ms = record.timestamp_ms
        if timestamp_ms is None or timestamp_ms < _EARLIEST_MS:
            return False
        if epoch_seconds - timestamp_ms / 1000 <= self.max_age_seconds:
            return False
        return all(name != ORIGINAL_TOPIC for name, _ in record.headers)

    def reason(self) -> Reason:
        """Return the reason for the dead letter: the rule and the limit."""
        return Reason(
            TOO_OLD, f"older than limits.max_age_seconds, {self.max_age_seconds:g}, when its turn came"
        )
