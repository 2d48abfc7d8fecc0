"""Formats the result of a replay, or of a rehearsal, as lines of text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from worker.core.model.partition import Partition
from worker.core.model.reason_texts import rule_of
from worker.core.model.records import Interaction, Skipped, Undecodable, each_of
from worker.core.offsets.assignment import Assignment
from worker.dead_letters.reading import replayed
from worker.replay.tables import aligned, by_reason
from worker.replay.waves import EXHAUSTED
from worker.runtime.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from worker.ports import Map
    from worker.replay.source import ReplayStore
    from worker.replay.tables import Row
    from worker.replay.tally import Tally

_STOPPED = "stopped before the end: the same command continues where this one stopped\n"
_EXHAUSTED = "replayed too often: dead-letters export --exhausted, fix the letters, and produce them anew\n"


class Summary(Struct, frozen=True):
    """The numbers of a replay: of events, where a letter holds several."""

    delivered: int
    died_again: Mapping[tuple[str, str], int]
    skipped: int
    is_over: bool = True
    is_rehearsal: bool = False

    @classmethod
    def of(cls, tally: Tally, *, is_over: bool) -> Summary:
        """Summarise a counted replay, whether it reached its end or not."""
        return cls(tally.delivered, tally.died_again, tally.skipped_letters, is_over=is_over)

    def text(self, left_out: Mapping[str, int]) -> str:
        """Return it as text; ``left_out`` counts by reason."""
        hints = _EXHAUSTED * bool(left_out.get(EXHAUSTED)) + _STOPPED * (not self.is_over)
        return aligned(list(self._rows(left_out))) + hints

    def exit_code(self, left_out: Mapping[str, int]) -> ExitCode:
        """Return OK if everything selected was accepted, else FAILED."""
        is_done = self.is_over and not self.died_again and not left_out.get(EXHAUSTED)
        return ExitCode.OK if is_done else ExitCode.FAILED

    def _rows(self, left_out: Mapping[str, int]) -> Iterator[Row]:
        yield "would be sent" if self.is_rehearsal else "accepted", self.delivered
        yield "would fail again" if self.is_rehearsal else "failed again", sum(self.died_again.values())
        yield from by_reason(self.died_again)
        if self.skipped:
            yield "without a value", self.skipped
        yield "left out", sum(left_out.values())
        yield from ((f"  {why}", count) for why, count in sorted(left_out.items()))


async def rehearse(store: ReplayStore, map_record: Map, on_progress: Callable[[], None]) -> Summary:
    """Map what a replay would send, with today's mapping; ``on_progress`` is called again and again."""
    assignment, delivered, skipped = Assignment(Partition("", 0), 0), 0, 0
    died_again: Counter[tuple[str, str]] = Counter()
    while not store.over:
        wave = await store.step()
        for letter in wave.letters if wave else ():
            for one in each_of(map_record(replayed(letter, assignment, 0, 0.0))):
                match one:
                    case Interaction():
                        delivered += 1
                    case Skipped():
                        skipped += 1
                    case Undecodable(_, reason):
                        died_again[reason.kind, rule_of(reason)] += 1
        on_progress()
    return Summary(delivered, died_again, skipped, is_rehearsal=True)
