"""Evidence of a run that never was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.evidence import Evidence
from tests.support.ordeal_figures import Letter
from tests.support.ordeal_records import OrdealRecord
from worker.local.books import AcceptedCall, Books, Produced

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


def evidence_of(
    records: int,
    *,
    accepted: Mapping[int, Sequence[float]],
    buried: Mapping[int, float] | None = None,
    tombstones: Collection[int] = (),
) -> Evidence:
    """One partition, one session; by offset, when it was accepted or written as a dead letter."""
    calls = sorted((at, offset) for offset, times in accepted.items() for at in times)
    return Evidence(
        records={
            (0, offset): OrdealRecord(
                "s", offset, b"", f"e{offset}", "skipped" if offset in tombstones else "accepted"
            )
            for offset in range(records)
        },
        produced={(0, offset): Produced("s", offset, f"e{offset}") for offset in range(records)},
        accepted=tuple(AcceptedCall(1, at, "s", None, (f"e{offset}",)) for at, offset in calls),
        letters=tuple(Letter((0, offset), "refused", "why", at) for offset, at in (buried or {}).items()),
        summary=Books().summary(),
        lost_answers=0,
        overlaps=0,
        max_concurrent_at_a_door=1,
        twice_at_a_door=0,
        uncommitted={0: 0},
    )
