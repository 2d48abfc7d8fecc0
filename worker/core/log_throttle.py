"""Throttles repeated log messages.

An unreachable broker is reported twenty times a second, and a hold lasts for hours. Both are logged at once,
then at growing intervals, each time with the number of occurrences. The throttle is handed the time and logs
nothing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Soon enough for somebody who is watching, rare enough to keep a night's log readable.
WAITS_SECONDS = (10.0, 60.0, 300.0)
# Details remembered for one condition; further ones don't count as new.
_MAX_DETAILS = 8


class _Condition:
    __slots__ = ("began", "details", "last_noted", "next_due", "said_at", "said_times", "unsaid")

    def __init__(self, now: float) -> None:
        self.began = now
        self.last_noted = now
        self.next_due = now
        self.said_at = now
        self.said_times = 0
        self.unsaid = 0
        self.details: set[str] = set()


class LogThrottle:
    """Conditions that occur again and again, each with a key from a small fixed set.

    >>> repeated = LogThrottle()
    >>> [repeated.note("kafka.away", now) for now in (0.0, 0.1, 9.9, 10.0, 11.0, 70.0)]
    [1, 0, 0, 3, 0, 2]
    >>> repeated.ended("kafka.away", 75.0)
    75.0

    Args:
        waits_seconds: the waits between one message and the next; the last wait repeats for ever.
    """

    def __init__(self, waits_seconds: Sequence[float] = WAITS_SECONDS) -> None:
        self._waits = tuple(waits_seconds)
        self._conditions: dict[str, _Condition] = {}

    def note(self, key: str, now: float, detail: str = "") -> int:
        """Note that the condition occurred.

        Args:
            key: which condition.
            now: the time.
            detail: what about it. A detail that was not logged yet is logged after the first wait already,
                but two that alternate are logged no more often than one.

        Returns:
            How often it occurred since it was last logged, if it is to be logged now; 0: log nothing.
        """
        condition = self._conditions.get(key)
        if condition is None:
            condition = self._conditions[key] = _Condition(now)
        elif now - condition.last_noted > self._waits[-1]:
            # Quiet for longer than the longest wait: this is a new incident, which is to be seen as it
            # begins.
            condition.began, condition.said_times, condition.details = now, 0, set()
        condition.last_noted = now
        condition.unsaid += 1
        is_new = detail not in condition.details and len(condition.details) < _MAX_DETAILS
        if now < condition.next_due and not (is_new and now >= condition.said_at + self._waits[0]):
            return 0
        condition.details.add(detail)
        return self._say(condition, now)

    def again(self, key: str, now: float) -> int | None:
        """Whether a condition that still holds is to be logged again, though nothing new occurred.

        Returns:
            How often it occurred since it was last logged, if it is to be logged now; None: log nothing.
        """
        condition = self._conditions.get(key)
        if condition is None or now < condition.next_due:
            return None
        condition.last_noted = now
        return self._say(condition, now)

    def ended(self, key: str, now: float) -> float | None:
        """Note that the condition is over; return the seconds it lasted, or None if it was not there."""
        condition = self._conditions.pop(key, None)
        return None if condition is None else now - condition.began

    def _say(self, condition: _Condition, now: float) -> int:
        condition.said_at = now
        condition.next_due = now + self._waits[min(condition.said_times, len(self._waits) - 1)]
        condition.said_times += 1
        came, condition.unsaid = condition.unsaid, 0
        return came
