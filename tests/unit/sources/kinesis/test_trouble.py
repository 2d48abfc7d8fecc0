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
