"""What a replay comes to, counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from worker.core.model.outcomes import Throttled
from worker.dead_letters.reading import rule_of

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Reason, Skipped


class Tally:
    """Counts; implements ``ports.PipelineMetrics``."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.delivered = 0
        self.skipped_letters = 0
        self.calls = 0
        self.throttled_calls = 0
        self.died_again: Counter[tuple[str, str]] = Counter()
        """By error class and rule."""

    def received(self, records: int) -> None:
        """Not of interest: what becomes of them is."""

    def skipped(self, _: Skipped) -> None:
        """A letter was left out by rule."""
        self.skipped_letters += 1

    def dead_lettered(self, reason: Reason) -> None:
        """It died once more."""
        self.died_again[reason.kind, rule_of(reason)] += 1

    def answered(self, answer: Answer, _: float) -> None:
        """A call was answered."""
        self.calls += 1
        self.throttled_calls += isinstance(answer, Throttled)

    def accepted(self, batch: Batch) -> None:
        """The API has these events."""
        self.delivered += len(batch.interactions)

    def committed(self) -> None:
        """Not of interest: a replay commits as it goes."""

    def rebalanced(self, kind: str) -> None:
        """A replay has its one partition from the beginning."""

    @property
    def settled(self) -> int:
        """Letters that are done with."""
        return self.delivered + self.skipped_letters + self.died_again.total()
