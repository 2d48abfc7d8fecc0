"""The result of the demo, and how it is reported: a table, and the promises that were broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from worker.runtime.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.local.audit import Audit
    from worker.local.call_log import Summary


class Verdict(Struct, frozen=True, kw_only=True):
    """The demo in numbers."""

    records: int
    delivered: int
    """Distinct events that were accepted."""
    tombstones: int
    """Records without a value, which are skipped."""
    summary: Summary
    audit: Audit
    dead_letters: dict[str, int]
    """Distinct dead-lettered records, by reason."""
    missing_letters: int
    """Records that should be dead letters and are not: lost as well."""
    uncommitted: int
    """How many records the group's offsets are short of the ends of the topic."""
    exit_code: int | None
    """The worker's exit code after SIGTERM; None: it did not end."""
    seconds: float

    @property
    def lost(self) -> int:
        """Events that are neither accepted nor dead letters, and broken records that are not dead letters."""
        return len(self.audit.lost) + self.missing_letters


def broken_promises(verdict: Verdict) -> list[str]:
    """Describe the promises that were broken; empty if all were kept."""
    judged = (
        (verdict.lost, f"{verdict.lost} lost"),
        (verdict.audit.out_of_order, f"{len(verdict.audit.out_of_order)} out of order"),
        (verdict.audit.unknown, f"{len(verdict.audit.unknown)} accepted that were never sent"),
        (verdict.summary.max_concurrent_in_session > 1, "a session had several calls in flight at once"),
        (verdict.uncommitted, f"{verdict.uncommitted} offsets not committed"),
        (verdict.exit_code != ExitCode.OK, f"the worker ended with {verdict.exit_code} after SIGTERM"),
    )
    return [words for is_broken, words in judged if is_broken]


def table(verdict: Verdict) -> str:
    """Format the verdict as a table: what, how many, remarks."""
    rows = list(_rows(verdict))
    names, figures = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = (f"  {name:<{names}}  {figure:>{figures}}  {remark}" for name, figure, remark in rows)
    return "\n".join(line.rstrip() for line in lines)


def _rows(verdict: Verdict) -> Iterator[tuple[str, str, str]]:
    summary = verdict.summary
    refused = {code: count for code, count in summary.outcomes.items() if code != "accepted"}
    yield "records in", f"{verdict.records:,}", ""
    yield "  delivered", f"{verdict.delivered:,}", ""
    yield "  dead letters", f"{sum(verdict.dead_letters.values()):,}", ""
    for reason, count in sorted(verdict.dead_letters.items()):
        yield f"    {reason}", f"{count:,}", ""
    yield "  skipped", f"{verdict.tombstones:,}", "records without a value"
    yield "calls", f"{summary.calls:,}", ""
    for outcome, count in [("accepted", summary.accepted_calls), *sorted(refused.items())]:
        yield f"  {outcome}", f"{count:,}", ""
    yield "events per call", f"{summary.accepted_events / max(summary.accepted_calls, 1):.1f}", ""
    yield "repeated", f"{len(verdict.audit.repeated):,}", "with the same event id: trained on once"
    yield "out of order", f"{len(verdict.audit.out_of_order):,}", ""
    yield "lost", f"{verdict.lost:,}", ""
    yield "not committed", f"{verdict.uncommitted:,}", ""
    yield "seconds", f"{verdict.seconds:.1f}", ""
