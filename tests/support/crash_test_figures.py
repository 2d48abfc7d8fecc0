"""What came of the crash test: the promises that were broken, and a table to read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.crash_test_records import CrashTestRecord
    from worker.local.audit import Audit
    from worker.local.call_log import Summary


@dataclass(frozen=True)
class Letter:
    """A dead letter."""

    place: tuple[int, int]
    """The partition and offset of its record."""
    kind: str
    reason: str
    at_seconds: float
    """Epoch seconds of its writing."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All that is known at the end."""

    records: dict[tuple[int, int], CrashTestRecord]
    """By partition and offset."""
    audit: Audit
    accepted: frozenset[str | None]
    poison: frozenset[str]
    """The event ids that may not be accepted."""
    letters: tuple[Letter, ...]
    summary: Summary
    lost_answers: int
    max_concurrent_at_a_door: int | None
    """None: not to be judged by, for a proxy between holds calls that the worker has given up."""
    overlaps: int
    uncommitted: dict[int, int]
    """By partition, how far the group's offset is from the end."""
    kills: int
    seconds: float

    def broken_promises(self) -> list[str]:
        """In words; empty when all is well."""
        refused = {place: each.fate == "refused" for place, each in self.records.items() if each.is_to_die}
        dead = {each.place: each.kind == "refused" for each in self.letters}
        judged = (
            (self.audit.lost, f"{len(self.audit.lost)} neither accepted nor dead-lettered"),
            (self.audit.out_of_order, f"{len(self.audit.out_of_order)} out of order"),
            (self.audit.unknown, f"{len(self.audit.unknown)} accepted under an id that no record has"),
            (self.accepted & self.poison, "a poison event accepted"),
            (refused.keys() - dead.keys(), f"{len(refused.keys() - dead.keys())} dead letters missing"),
            (dead.keys() - refused.keys(), f"{len(dead.keys() - refused.keys())} good records dead-lettered"),
            (any(dead[each] != refused[each] for each in dead.keys() & refused.keys()), "a wrong reason"),
            (not all(each.kind and each.reason for each in self.letters), "a letter without its reason"),
            (self.max_concurrent_at_a_door not in {1, None}, "a worker had two calls of a session in flight"),
            (any(self.uncommitted.values()), f"not committed to the end: {self.uncommitted}"),
        )
        return [words for is_broken, words in judged if is_broken]

    def table(self) -> str:
        """All figures, to be read."""
        rows = [*self._rows_in(), *self._rows_of_calls(), *self._rows_out()]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"  {name:<{width}}  {figure:>10}" for name, figure in rows)

    def _rows_in(self) -> Iterator[tuple[str, str]]:
        fates = Counter(each.fate for each in self.records.values())
        yield "records", f"{len(self.records):,}"
        yield "  sessions", f"{len({each.session_id for each in self.records.values()}):,}"
        yield "  good", f"{fates['accepted']:,}"
        yield "  poison", f"{fates['refused']:,}"
        yield "  unfit", f"{fates['unfit']:,}"
        yield "  tombstones", f"{fates['skipped']:,}"
        yield "kills", f"{self.kills:,}"
        yield "seconds", f"{self.seconds:.1f}"

    def _rows_of_calls(self) -> Iterator[tuple[str, str]]:
        summary = self.summary
        yield "calls", f"{summary.calls:,}"
        for outcome, count in sorted(summary.outcomes.items()):
            yield f"  {outcome}", f"{count:,}"
        yield "  accepted, the answer lost", f"{self.lost_answers:,}"
        yield "events a call", f"{summary.accepted_events / max(1, summary.accepted_calls):.1f}"
        yield "most calls at once", f"{summary.max_concurrent:,}"
        yield "  of a session at a worker", str(self.max_concurrent_at_a_door)
        yield "  of a session at both, times", f"{self.overlaps:,}"

    def _rows_out(self) -> Iterator[tuple[str, str]]:
        kinds = {each.place: each.kind for each in self.letters}
        yield "events accepted", f"{len(self.accepted):,}"
        yield "  more than once, same id", f"{len(self.audit.repeated):,}"
        yield "  acceptances too many", f"{self.summary.accepted_events - len(self.accepted):,}"
        yield "dead letters", f"{len(kinds):,}"
        for kind, count in sorted(Counter(kinds.values()).items()):
            yield f"  {kind}", f"{count:,}"
        yield "  written more than once", f"{len(self.letters) - len(kinds):,}"
        yield "lost", f"{len(self.audit.lost):,}"
        yield "out of order", f"{len(self.audit.out_of_order):,}"
        yield "unknown ids", f"{len(self.audit.unknown):,}"
        yield "not committed", f"{sum(self.uncommitted.values()):,}"
