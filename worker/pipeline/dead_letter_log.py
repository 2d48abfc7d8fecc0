"""Says in the log that there are dead letters: which reason how often, and nothing of the records.

The first of a reason is said at once, then how many came since, at growing intervals: a topic of bad records
makes a few lines, not one each.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog

from worker.core.log_throttle import LogThrottle
from worker.core.model.records import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.records import Reason

log = structlog.get_logger(__name__)


class DeadLetterLog:
    """Counts by the reason's kind, of which there are few."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin with nothing to say; ``clock`` is the loop's."""
        self._clock = clock
        self._log_throttle = LogThrottle()
        self._unsaid: Counter[str] = Counter()
        self._latest: dict[str, Reason] = {}

    def note(self, reason: Reason) -> None:
        """A dead letter was written."""
        self._unsaid[reason.kind] += 1
        self._latest[reason.kind] = reason
        if self._log_throttle.note(reason.kind, self._clock()):
            self._say(reason.kind)

    def tell(self) -> None:
        """Say what came since, where it is time to."""
        for kind in list(self._unsaid):
            if self._log_throttle.again(kind, self._clock()) is not None:
                self._say(kind)

    def tell_all(self) -> None:
        """Say what came since, for it is the last time."""
        for kind in list(self._unsaid):
            self._say(kind)

    def _say(self, kind: str) -> None:
        records = self._unsaid.pop(kind)
        log.warning("dead_letters.written", reason=kind, latest=_rule(self._latest[kind]), records=records)


def _rule(reason: Reason) -> str:
    """As far as it can hold no value: the code alone of what the API refused."""
    return reason.text.partition(":")[0] if reason.kind == REFUSED else reason.text
