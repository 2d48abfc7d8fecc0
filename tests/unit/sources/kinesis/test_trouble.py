from __future__ import annotations

from worker.sources.kinesis.ports import TableFault
from worker.sources.kinesis.trouble import Trouble


def test_a_fault_lasts_until_the_next_answer_and_is_told_with_its_age() -> None:
    now = [100.0]
    trouble = Trouble("the table", lambda: now[0])
    assert trouble.text is None
    assert trouble.since is None
    trouble.note(TableFault("Throttled"))
    now[0] = 112.0
    trouble.note(TableFault("AccessDenied", "no dynamodb:Scan"))
    assert trouble.since == 100.0
    assert trouble.text == "the table: AccessDenied for 12 s: no dynamodb:Scan"
    trouble.note(())
    assert trouble.text is None


def test_a_call_that_is_forbidden_is_told_though_the_others_are_answered() -> None:
    now = [100.0]
    trouble = Trouble("the table", lambda: now[0])
    for _ in range(5):
        trouble.note((), "scan")
        trouble.note(TableFault("AccessDenied"), "create")
        now[0] += 3
    trouble.note((), "scan")
    assert trouble.text == "the table: AccessDenied for 15 s"
    trouble.note((), "create")
    assert trouble.text is None


def test_of_several_calls_the_one_that_fails_the_longest_is_told() -> None:
    now = [100.0]
    trouble = Trouble("the table", lambda: now[0])
    trouble.note(TableFault("AccessDenied"), "create")
    now[0] += 5
    trouble.note(TableFault("Throttled"), "scan")
    assert (trouble.since, trouble.text) == (100.0, "the table: AccessDenied for 5 s")


def test_what_is_not_tried_any_more_is_no_trouble() -> None:
    """Another worker did it meanwhile."""
    now = [100.0]
    trouble = Trouble("the table", lambda: now[0])
    trouble.note(TableFault("AccessDenied"), "create")
    now[0] += 31
    assert (trouble.since, trouble.text) == (None, None)
