"""Evidence of a run that never was."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from tests.support.crash_test_figures import Letter
from tests.support.crash_test_records import CrashTestRecord
from tests.support.evidence import CutRecord, Evidence
from worker.local.audit import Produced
from worker.local.call_log import AcceptedCall, CallLog

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


def evidence_of(  # noqa: PLR0913  all that there may be
    records: int,
    *,
    accepted: Mapping[int, Sequence[float]],
    dead_lettered: Mapping[int, float] | None = None,
    tombstones: Collection[int] = (),
    cut: Collection[CutRecord] = (),
    cut_accepted: Mapping[int, float] | None = None,
    deleted: Mapping[int, float] | None = None,
) -> Evidence:
    """One partition, one session; by offset, when it was accepted, written as a dead letter, deleted."""
    calls = sorted((at, f"e{offset}") for offset, times in accepted.items() for at in times)
    calls = sorted([*calls, *((at, f"c{offset}") for offset, at in (cut_accepted or {}).items())])
    return Evidence(
        records={
            (0, offset): CrashTestRecord(
                "s", offset, b"", f"e{offset}", "skipped" if offset in tombstones else "accepted"
            )
            for offset in range(records)
        },
        produced={(0, offset): Produced("s", offset, f"e{offset}") for offset in range(records)},
        accepted=tuple(AcceptedCall(1, at, "s", None, (event_id,)) for at, event_id in calls),
        letters=tuple(
            Letter((0, offset), "refused", "why", at) for offset, at in (dead_lettered or {}).items()
        ),
        summary=CallLog().summary(),
        lost_answers=0,
        overlaps=0,
        max_concurrent_at_a_door=1,
        twice_at_a_door=0,
        uncommitted={0: 0},
        cut=tuple(cut),
        deleted_at={(0, offset): at for offset, at in (deleted or {}).items()},
    )


def cut_at(offset: int, since_seconds: float, *, dead_lettered_at: float = inf) -> CutRecord:
    """A record that stood there until then; its event's id is ``c`` and the offset."""
    event_id = f"c{offset}"
    record = CrashTestRecord("s", offset, b"", event_id, "accepted")
    return CutRecord((0, offset), since_seconds, record, event_id, dead_lettered_at)
