"""When to say again that something is still so.

A broker that is away is reported twenty times a second, a hold lasts for hours: both are said at once, then
at growing intervals, each time with how often it came about. It is handed the time and says nothing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Soon enough to be seen while somebody looks on, rare enough to leave a night's log readable.
WAITS_SECONDS = (10.0, 60.0, 300.0)
# Of one condition: more are not told from one another.
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
    """Conditions that come again and again, each by a key out of a small fixed set.

    >>> repeated = LogThrottle()
    >>> [repeated.note("kafka.away", now) for now in (0.0, 0.1, 9.9, 10.0, 11.0, 70.0)]
    [1, 0, 0, 3, 0, 2]
    >>> repeated.ended("kafka.away", 75.0)
    75.0
    """

    def __init__(self, waits_seconds: Sequence[float] = WAITS_SECONDS) -> None:
        """Wait so long between one saying and the next; the last wait goes on for ever."""
        self._waits = tuple(waits_seconds)
        self._conditions: dict[str, _Condition] = {}

    def note(self, key: str, now: float, detail: str = "") -> int:
        """Note that the condition is there.

        Args:
            key: which.
            now: the time.
            detail: what about it. One that was not said yet is said after the first wait already; but two
                that alternate are said no more often than one.

        Returns:
            How often it came since it was last said, if it is to be said now; 0: say nothing.
        """
        condition = self._conditions.get(key)
        if condition is None:
            condition = self._conditions[key] = _Condition(now)
        elif now - condition.last_noted > self._waits[-1]:
            # Quiet for longer than the longest wait: a new trouble, which is to be seen as it begins.
            condition.began, condition.said_times, condition.details = now, 0, set()
        condition.last_noted = now
        condition.unsaid += 1
        is_new = detail not in condition.details and len(condition.details) < _MAX_DETAILS
        if now < condition.next_due and not (is_new and now >= condition.said_at + self._waits[0]):
            return 0
        condition.details.add(detail)
        return self._say(condition, now)

    def again(self, key: str, now: float) -> int | None:
        """Whether a condition that still holds is to be said again, though nothing new came.

        Returns:
            How often it came since it was last said, if it is to be said now; None: say nothing.
        """
        condition = self._conditions.get(key)
        if condition is None or now < condition.next_due:
            return None
        condition.last_noted = now
        return self._say(condition, now)

    def ended(self, key: str, now: float) -> float | None:
        """Note that the condition is over: the seconds it lasted; None if it was not there."""
        condition = self._conditions.pop(key, None)
        return None if condition is None else now - condition.began

    def _say(self, condition: _Condition, now: float) -> int:
        condition.said_at = now
        condition.next_due = now + self._waits[min(condition.said_times, len(self._waits) - 1)]
        condition.said_times += 1
        came, condition.unsaid = condition.unsaid, 0
        return came
