"""Counts events on the hot path: plain integers on the loop, no locks, nothing formatted until a scrape.

The rule: a label is a word from the program, never from a record. If an unknown word turns up, a label still
makes at most ``MAX_LABELS`` series.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from worker.core.batching.age_limit import TOO_OLD
from worker.core.mapping import KINDS, TOMBSTONE
from worker.core.model.outcomes import OUTCOME_WORDS, Accepted
from worker.core.model.records import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Reason, Skipped

# Every reason and every rule. A series that is there at 0 from the start shows its first burst.
DEAD_LETTER_REASONS = (*KINDS, REFUSED, TOO_OLD)
SKIP_RULES = (TOMBSTONE, TOO_OLD)

# Why a span was lost (worker.tracing.exporting).
DROP_REASONS = ("queue_full", "export_failed")

MAX_LABELS = 100
OTHER = "other"

# The names of answers without an error code.
_HTTP_WORDS = tuple(f"Http{status}" for status in range(100, 600))
# The statuses that occur in practice. Their series and those of the known codes exist from the start;
# otherwise ``increase()`` would miss the first burst.
_COMMON_HTTP_WORDS = tuple(f"Http{status}" for status in (403, 404, 413, 429, 500, 502, 503, 504))

CALL_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
EVENTS_PER_CALL = tuple(range(1, 11))
# From the linger to the retention of a topic, because this histogram must show a backlog of days.
RECORD_AGE_SECONDS = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 604800)


class Histogram:
    """Counts how many values were at most each bound, and sums them.

    Args:
        bounds: the upper bounds, in ascending order.
    """

    __slots__ = ("_bounds", "_counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Yield each bound with the number of values not above it; the last bound is infinity."""
        total = 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            total += count
            yield bound, total


class Tally:
    """Counts by one label.

    Args:
        seeded: the words that are there from the start, at 0.
        known: the only words that are counted by name; any other counts as ``other``. None: every word.
    """

    __slots__ = ("_counts", "_known")

    def __init__(self, seeded: Collection[str] = (), known: Collection[str] | None = None) -> None:
        self._counts = dict.fromkeys(seeded, 0)
        self._known = None if known is None else frozenset(known)

    def add(self, word: str, times: int = 1) -> None:
        """Count one, or several."""
        counts = self._counts
        if word not in counts and not self._may_add(word):
            word = OTHER
        counts[word] = counts.get(word, 0) + times

    def items(self) -> Iterator[tuple[str, int]]:
        """Each word with its count."""
        return iter(self._counts.items())

    def _may_add(self, word: str) -> bool:
        # One place is reserved for the word "other".
        return len(self._counts) < MAX_LABELS - 1 and (self._known is None or word in self._known)


class Counts:
    """What happened since the process began; implements ``ports.PipelineMetrics``.

    Args:
        epoch_seconds: the current time.
        error_codes: these become labels, as do "Http503" and the like; any other code counts as ``other``.
    """

    def __init__(self, epoch_seconds: Callable[[], float], error_codes: Collection[str]) -> None:
        self._epoch_seconds = epoch_seconds
        self.records_received = 0
        self.records_fanned_out = 0
        self.elements_fanned_out = 0
        self.records_skipped = Tally(seeded=SKIP_RULES)
        self.records_dead_lettered = Tally(seeded=DEAD_LETTER_REASONS)
        self.events_accepted = 0
        self.calls = Tally(seeded=tuple(OUTCOME_WORDS.values()))
        self.call_errors = Tally(
            seeded=(*sorted(error_codes), *_COMMON_HTTP_WORDS, OTHER), known=(*error_codes, *_HTTP_WORDS)
        )
        self.call_seconds = Histogram(CALL_SECONDS)
        self.events_per_call = Histogram(EVENTS_PER_CALL)
        self.record_age_seconds = Histogram(RECORD_AGE_SECONDS)
        self.rebalances = Tally(seeded=("assigned", "revoked", "lost"))
        self.commits = 0
        self.spans_exported = 0
        self.spans_dropped = Tally(seeded=DROP_REASONS)

    def received(self, records: int) -> None:
        """Records were received from the topics."""
        self.records_received += records

    def fanned_out(self, elements: int) -> None:
        """A record held several elements."""
        self.records_fanned_out += 1
        self.elements_fanned_out += elements

    def skipped(self, skipped: Skipped) -> None:
        """A record, or an element of one, was skipped by a rule."""
        self.records_skipped.add(skipped.rule)

    def dead_lettered(self, reason: Reason) -> None:
        """A dead letter was acknowledged."""
        self.records_dead_lettered.add(reason.kind)

    def answered(self, answer: Answer, seconds: float) -> None:
        """One attempt at a call was answered, or failed, after this many seconds."""
        self.calls.add(OUTCOME_WORDS[type(answer)])
        self.call_seconds.observe(seconds)
        if not isinstance(answer, Accepted):
            self.call_errors.add(answer.code)

    def accepted(self, batch: Batch) -> None:
        """The API accepted the events of this call."""
        self.events_accepted += len(batch.interactions)
        self.events_per_call.observe(len(batch.interactions))
        now_ms = self._epoch_seconds() * 1000
        observe = self.record_age_seconds.observe
        for interaction in batch.interactions:
            timestamp_ms = interaction.record.timestamp_ms
            if timestamp_ms is not None:
                # A producer's clock may run ahead of ours, and a negative age would falsify the sum.
                observe(max(0.0, (now_ms - timestamp_ms) / 1000))

    def rebalanced(self, kind: str) -> None:
        """Partitions were assigned, revoked or lost."""
        self.rebalances.add(kind)

    def committed(self) -> None:
        """The broker acknowledged a commit."""
        self.commits += 1

    # These two come from another thread than the others, and each of their figures from one thread only.
    def span_export_done(self, spans: int) -> None:
        """Spans were exported."""
        self.spans_exported += spans

    def spans_lost(self, reason: str, spans: int) -> None:
        """Spans were dropped."""
        self.spans_dropped.add(reason, spans)
