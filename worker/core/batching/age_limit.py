"""When a record is too old to be sent, and what becomes of it then.

Its age is by its own timestamp in Kafka. Without a timestamp it is never too old, nor with one in the future:
a producer's clock is no reason to lose what it sent; nor with one of before 1973, which is a zero, or seconds
where milliseconds are meant. Nor is a dead letter that was replayed: somebody asked for it, and it would only
become a dead letter again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from worker.core.model.dead_letter_headers import ORIGINAL_TOPIC
from worker.core.model.records import Reason

if TYPE_CHECKING:
    from worker.core.model.records import Record

# 1973-03-03T09:46:40Z: as early as an event may be, too. In seconds instead of milliseconds all times that
# are meant lie before.
_EARLIEST_MS: Final = 100_000_000_000

# The rule's name wherever it is counted.
TOO_OLD: Final = "too_old"


class AgeLimit(Struct, frozen=True):
    """How old a record may be when its turn comes."""

    max_age_seconds: float
    """``inf``: however old."""
    when_too_old: Literal["dead_letter", "skip"]

    def is_exceeded_by(self, record: Record, epoch_seconds: float) -> bool:
        """Whether the record is older than that at ``epoch_seconds``."""
        timestamp_ms = record.timestamp_ms
        if timestamp_ms is None or timestamp_ms < _EARLIEST_MS:
            return False
        if epoch_seconds - timestamp_ms / 1000 <= self.max_age_seconds:
            return False
        return all(name != ORIGINAL_TOPIC for name, _ in record.headers)

    def reason(self) -> Reason:
        """What a dead letter says of it: rule and limit."""
        return Reason(
            TOO_OLD, f"older than limits.max_age_seconds, {self.max_age_seconds:g}, when its turn came"
        )
