"""Counts the results of a replay."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from worker.core.model.outcomes import Throttled
from worker.core.model.reason_texts import rule_of

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Reason, Skipped


class Tally:
    """Counts results; implements ``ports.PipelineMetrics``, and what tracing counts."""

    def __init__(self) -> None:
        self.delivered = 0
        self.skipped_letters = 0
        self.calls = 0
        self.throttled_calls = 0
        self.spans_exported = 0
        self.spans_dropped = 0
        self.died_again: Counter[tuple[str, str]] = Counter()
        """By error class and rule."""

    def received(self, records: int) -> None:
        """Do nothing, because only the outcome counts."""

    def fanned_out(self, elements: int) -> None:
        """Do nothing, because each element has its own outcome."""

    def skipped(self, _: Skipped) -> None:
        """A letter was skipped by a rule."""
        self.skipped_letters += 1

    def dead_lettered(self, reason: Reason) -> None:
        """A letter failed again."""
        self.died_again[reason.kind, rule_of(reason)] += 1

    def answered(self, answer: Answer, _: float) -> None:
        """A call was answered."""
        self.calls += 1
        self.throttled_calls += isinstance(answer, Throttled)

    def accepted(self, batch: Batch) -> None:
        """The API accepted these events."""
        self.delivered += len(batch.interactions)

    def committed(self) -> None:
        """Not of interest: a replay commits as it goes."""

    def rebalanced(self, kind: str) -> None:
        """Do nothing, because a replay keeps its one partition."""

    def span_export_done(self, spans: int) -> None:
        """The endpoint took these spans."""
        self.spans_exported += spans

    def spans_lost(self, _: str, spans: int) -> None:
        """These spans were lost."""
        self.spans_dropped += spans

    @property
    def settled(self) -> int:
        """The number of letters that are settled."""
        return self.delivered + self.skipped_letters + self.died_again.total()
