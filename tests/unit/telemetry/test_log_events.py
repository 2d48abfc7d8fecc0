"""What is said of the log is what the source says."""

from __future__ import annotations

from tests.unit.telemetry.log_events import PROJECT, events, logging_modules, markdown
from worker.telemetry.log_modules import LOGGING_MODULES, level_names


def test_the_page_names_every_event() -> None:
    """``python -m tests.unit.telemetry.log_events > docs/log-events.md`` was not forgotten."""
    assert (PROJECT / "docs" / "log-events.md").read_text() == markdown()


def test_each_event_has_a_dotted_name_that_is_a_literal() -> None:
    found = events()
    assert len(found) > 80
    assert all(each.name.count(".") == 1 for each in found)
    assert {"calls.unthrottled", "kafka.recovered", "call.sampled"} <= {each.name for each in found}


def test_a_level_can_be_given_to_every_module_that_logs_and_to_no_other() -> None:
    assert list(LOGGING_MODULES) == sorted(logging_modules())
    assert {"worker", "worker.pipeline", "worker.pipeline.retry"} <= level_names()
    assert "worker.core" not in level_names()
