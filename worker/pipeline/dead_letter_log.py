"""Logs that there are dead letters: how many for each reason, and nothing about the records.

The first dead letter for a reason is logged at once. Later ones are logged as a count, at growing intervals.
So a topic of bad records makes a few lines, not one for each record.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog

from worker.core.log_throttle import LogThrottle
from worker.core.model.reason_texts import rule_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.records import Reason

log = structlog.get_logger(__name__)


class DeadLetterLog:
    """Counts dead letters by the kind of their reason, of which there are few.

    Args:
        clock: the loop's.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._log_throttle = LogThrottle()
        self._unsaid: Counter[str] = Counter()
        self._latest: dict[str, Reason] = {}

    def note(self, reason: Reason) -> None:
        """Count a dead letter that was written."""
        self._unsaid[reason.kind] += 1
        self._latest[reason.kind] = reason
        if self._log_throttle.note(reason.kind, self._clock()):
            self._say(reason.kind)

    def tell(self) -> None:
        """Log what has accumulated, where it is due."""
        for kind in list(self._unsaid):
            if self._log_throttle.again(kind, self._clock()) is not None:
                self._say(kind)

    def tell_all(self) -> None:
        """Log everything that has accumulated, because this is the last time."""
        for kind in list(self._unsaid):
            self._say(kind)

    def _say(self, kind: str) -> None:
        records = self._unsaid.pop(kind)
        log.warning("dead_letters.written", reason=kind, latest=rule_of(self._latest[kind]), records=records)
