"""How many calls there were, by operation, by who made them, and by how they ended."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.local.kinesis.operations import Operation


class CallCounts:
    """Counts each call once, under its outcome: ``done``, an error code, or what the plan of faults did."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str | None, str]] = Counter()

    def note(self, operation: Operation, access_key: str | None, outcome: str) -> None:
        """Count a call."""
        self._counts[operation.name, access_key, outcome] += 1

    def count(self, operation: str, *, access_key: str | None = None, outcome: str | None = None) -> int:
        """Return how many calls there were of an operation; of this key, and of this outcome."""
        return sum(
            number
            for (name, key, ended), number in self._counts.items()
            if name == operation and access_key in {None, key} and outcome in {None, ended}
        )

    def summary(self) -> dict[str, dict[str, int]]:
        """Return how many calls there were, by operation and outcome."""
        summary: dict[str, dict[str, int]] = {}
        for (name, _, outcome), number in sorted(self._counts.items(), key=lambda each: each[0][::2]):
            outcomes = summary.setdefault(name, {})
            outcomes[outcome] = outcomes.get(outcome, 0) + number
        return summary
