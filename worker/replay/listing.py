"""``dead-letters list``: counts letters by reason, topic and time, in bounded memory."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

import msgspec

from worker.core.model.reason_texts import rule_of
from worker.replay.tables import aligned, by_reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.dead_letters.reading import Letter
    from worker.replay.tables import Row

Key = TypeVar("Key")
Step: TypeAlias = Literal["hour", "day"]

# The worker has a few dozen reasons; what others may have written must not fill the memory.
_MOST_ROWS: Final = 10_000
_OTHERS: Final = "(others)"
# The worker's own texts are shorter, except for the API's messages, of which only the code is counted.
_MOST_CHARACTERS: Final = 500
_HOUR_SECONDS: Final = 3600
# Two days by the hour still fit on a screen.
_HOURS_UP_TO: Final = 48
_HOUR_DIGITS, _DAY_DIGITS = len("2026-01-01T00"), len("2026-01-01")


class Listing:
    """Counts letters.

    Args:
        topic: the dead-letter topic.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self.letters = 0
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._topics: Counter[str] = Counter()
        self._hours: Counter[int | None] = Counter()
        self.replayed = 0

    def add(self, letter: Letter) -> None:
        """Count one letter."""
        self.letters += 1
        self.replayed += letter.replays > 0
        kind, rule = (text[:_MOST_CHARACTERS] for text in (letter.reason.kind, rule_of(letter.reason)))
        _count(self._reasons, (kind, rule), (_OTHERS, ""))
        _count(self._topics, letter.origin.topic, _OTHERS)
        failed_at = letter.failed_at_seconds
        _count(self._hours, None if failed_at is None else int(failed_at // _HOUR_SECONDS), None)

    def text(self, step: Step | None) -> str:
        """Return the counts as text."""
        replayed = f", {self.replayed:,} of them replayed before" if self.replayed else ""
        head = f"{self.letters:,} dead letters in {self._topic}{replayed}\n"
        return head + aligned(list(self._rows(step or self._fitting_step()))) if self.letters else head

    def json(self, step: Step | None) -> bytes:
        """Return the counts as JSON."""
        step = step or self._fitting_step()
        reasons = [
            {"class": kind, "reason": rule, "letters": count}
            for (kind, rule), count in self._reasons.most_common()
        ]
        return msgspec.json.encode(
            {
                "topic": self._topic,
                "letters": self.letters,
                "replayed_before": self.replayed,
                "reasons": reasons,
                "topics": dict(self._topics.most_common()),
                step: {time or "unknown": count for time, count in self._times(step)},
            }
        )

    def _rows(self, step: Step) -> Iterator[Row]:
        yield "by reason", ""
        yield from by_reason(self._reasons)
        yield "by original topic", ""
        yield from ((f"  {topic}", count) for topic, count in self._topics.most_common())
        yield f"by {step} of failure (UTC)", ""
        yield from ((f"  {time or 'unknown'}", count) for time, count in self._times(step))

    def _times(self, step: Step) -> list[tuple[str, int]]:
        """Return the counts by hour or day in order; letters without a time come first, unnamed."""
        digits = _HOUR_DIGITS if step == "hour" else _DAY_DIGITS
        times: Counter[str] = Counter()
        for hour, count in self._hours.items():
            times["" if hour is None else _iso8601(hour * _HOUR_SECONDS)[:digits]] += count
        return [(f"{time}:00Z" if len(time) == _HOUR_DIGITS else time, times[time]) for time in sorted(times)]

    def _fitting_step(self) -> Step:
        hours = [hour for hour in self._hours if hour is not None]
        return "hour" if not hours or max(hours) - min(hours) < _HOURS_UP_TO else "day"


def _count(counts: Counter[Key], key: Key, others: Key) -> None:
    counts[key if key in counts or len(counts) < _MOST_ROWS else others] += 1


def _iso8601(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
