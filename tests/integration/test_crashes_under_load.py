"""Workers crash all the time, calls fail: nothing is lost, nothing overtakes, what comes twice is the same.

``python -m tests.support.ordeal`` is the full one; ``pytest -s`` shows the figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.crash_test import run_crash_test
from tests.support.samples import sample

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.kafka_topics import KafkaTopics
    from tests.support.site import Names

pytestmark = [pytest.mark.kafka, pytest.mark.long]

RECORDS = sample(4_000, 10_000)


def test_crashes_and_failing_calls_break_no_promise(kafka: KafkaTopics, names: Names, tmp_path: Path) -> None:
    """Two workers, one or the other killed every few seconds, one call in five going wrong."""
    figures = run_crash_test(kafka, names, tmp_path, records=RECORDS)
    print(f"\n{figures.table()}")  # noqa: T201  to be read
    assert figures.broken_promises() == []
    assert figures.kills >= 2
    assert figures.audit.repeated
