"""Where a shard is read on: behind the last record that was fetched, whatever became of the iterator.

A new iterator begins with the last record itself, which is left out. If it does not come, the stream does not
keep it any more: then nobody can say whether others that came after it were never read, and that is told. A
position that is so old may also never get on: each answer is empty, and always as far behind. Then the oldest
record there is comes next, as it would have anyway (harlow/kinesis-consumer, issues 98 and 125).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.core.leases.lease import At, Checkpoint, Sentinel
from worker.sources.kinesis.calls import AtSequence, AtTime, FromLatest, FromTrimHorizon, Start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.sources.kinesis.shapes import StreamRecord

# How far ahead this machine's clock may be: with a clock that is further off no call is taken at all. Records
# that came so long before the first iterator may be read, and those behind it are not left out.
CLOCK_SLACK_SECONDS: Final = 300.0
# Kinesis keeps records for no less than a day, and tells how far behind a position is by no more than that.
_OLD_MS: Final = 23 * 3600 * 1000
# Empty answers on the way to a record bring it nearer, four a second.
_PATIENCE_SECONDS: Final = 60.0


class ReadPosition:
    """The position of one shard.

    Args:
        checkpoint: of its lease.
        start_at: see ``ShardReader``.
        clock: the loop's.
    """

    def __init__(self, checkpoint: Checkpoint, start_at: float | None, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.start = _start(checkpoint, start_at)
        """Where the next iterator begins."""
        self._last = checkpoint.sequence if isinstance(checkpoint, At) else None
        self._is_fetched = False
        """Whether the last record was fetched; the checkpoint's own may hold others that are not done."""
        self._is_awaited = self._last is not None
        self._nearest_ms = 0
        self._stands_since: float | None = None

    def asked(self, at: float) -> None:
        """Note that an iterator was asked for at that time, in epoch seconds."""
        self._is_awaited = self._last is not None and isinstance(self.start, AtSequence)
        if isinstance(self.start, FromLatest):
            # An iterator that is lost, on its way or before the first record, must not let what came since
            # then be skipped.
            self.start = AtTime(at - CLOCK_SLACK_SECONDS)

    def brought(self, records: Sequence[StreamRecord]) -> tuple[Sequence[StreamRecord], bool]:
        """Return those that were not fetched before, and whether the last one is not kept any more."""
        if not records:
            return records, False
        is_gone = self._is_awaited and self._last is not None and records[0].sequence_number > self._last
        self._is_awaited = False
        self._stands_since = None
        last = self._last
        if last is not None and records[0].sequence_number <= last:
            records = [
                each
                for each in records
                if each.sequence_number > last or (each.sequence_number == last and not self._is_fetched)
            ]
        if records:
            self._last, self._is_fetched = records[-1].sequence_number, True
            self.start = AtSequence(self._last)
        return records, is_gone

    def stands(self, behind_ms: int | None) -> bool:
        """Note an answer without records; True if the position is too old ever to get on."""
        if behind_ms is None or behind_ms < _OLD_MS or self._last is None:
            self._stands_since = None
            return False
        now = self._clock()
        if self._stands_since is None or behind_ms < self._nearest_ms:
            self._stands_since, self._nearest_ms = now, behind_ms
        if now - self._stands_since < _PATIENCE_SECONDS:
            return False
        self._stands_since = None
        self.start = FromTrimHorizon()
        return True


def _start(checkpoint: Checkpoint, start_at: float | None) -> Start:
    """Return where the first iterator begins. The record of the checkpoint may hold others, so it is read."""
    match checkpoint:
        case At(sequence=sequence):
            return AtSequence(sequence)
        case Sentinel.LATEST:
            return FromLatest() if start_at is None else AtTime(start_at - CLOCK_SLACK_SECONDS)
        case Sentinel.AT_TIMESTAMP:
            return AtTime(start_at or 0.0)
        case Sentinel.TRIM_HORIZON | Sentinel.SHARD_END:
            return FromTrimHorizon()
