"""The demo's verdict, as it is judged and told."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from worker.local.audit import Audit
from worker.local.call_log import Summary
from worker.local.verdict import Verdict, broken_promises, table

SUMMARY = Summary(
    calls=1_250,
    accepted_calls=1_000,
    accepted_events=4_000,
    outcomes={"accepted": 1_000, "ThrottlingException": 250},
    max_concurrent_in_session=1,
    max_concurrent=9,
    first_accepted_at_seconds=1.0,
    last_accepted_at_seconds=2.0,
)
KEPT = Audit(lost=(), repeated=("a", "b"), out_of_order=(), unknown=())
GOOD = Verdict(
    records=4_002,
    delivered=3_998,
    tombstones=1,
    summary=SUMMARY,
    audit=KEPT,
    dead_letters={"not_json": 2, "missing": 1},
    missing_letters=0,
    uncommitted=0,
    exit_code=0,
    seconds=12.34,
)


def test_repeats_break_no_promise() -> None:
    assert broken_promises(GOOD) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"audit": replace(KEPT, lost=("a",))}, "1 lost"),
        ({"missing_letters": 2}, "2 lost"),
        ({"audit": replace(KEPT, out_of_order=("a", "b"))}, "2 out of order"),
        ({"audit": replace(KEPT, unknown=("a",))}, "1 accepted that were never sent"),
        (
            {"summary": replace(SUMMARY, max_concurrent_in_session=2)},
            "a session had several calls in flight at once",
        ),
        ({"uncommitted": 3}, "3 offsets not committed"),
        ({"exit_code": 1}, "the worker ended with 1 after SIGTERM"),
        ({"exit_code": None}, "the worker ended with None after SIGTERM"),
    ],
)
def test_each_promise_that_is_broken_is_named(change: dict[str, Any], words: str) -> None:
    assert broken_promises(replace(GOOD, **change)) == [words]


def test_the_table_tells_everything_in_columns() -> None:
    assert table(GOOD).splitlines() == [
        "  records in             4,002",
        "    delivered            3,998",
        "    dead letters             3",
        "      missing                1",
        "      not_json               2",
        "    skipped                  1  records without a value",
        "  calls                  1,250",
        "    accepted             1,000",
        "    ThrottlingException    250",
        "  events per call          4.0",
        "  repeated                   2  with the same event id: trained on once",
        "  out of order               0",
        "  lost                       0",
        "  not committed              0",
        "  seconds                 12.3",
    ]
