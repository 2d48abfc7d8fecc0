from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import threading
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
import structlog

from worker.core.model.partition import Partition
from worker.core.model.records import Record
from worker.core.offsets.assignment import Assignment
from worker.telemetry.log_levels import LogLevels
from worker.telemetry.logs import LIBRDKAFKA, configure_logs, log_crashes

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.telemetry.conftest import Lines

MARKED = "user-4711"

log = structlog.get_logger("test")


def test_a_line_is_json_with_time_level_event_and_keys(logged: Callable[[], Lines]) -> None:
    log.warning("delivery.throttled", attempt=3, wait_seconds=0.8)
    (line,) = logged()
    assert list(line) == ["timestamp", "level", "event", "attempt", "wait_seconds"]
    assert line["level"] == "warning"
    assert line["event"] == "delivery.throttled"
    assert (line["attempt"], line["wait_seconds"]) == (3, 0.8)
    written_at = datetime.fromisoformat(line["timestamp"])
    assert written_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - written_at) < timedelta(minutes=1)


@pytest.mark.usefixtures("restored_logging")
def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("warning", "json")
    log.info("quiet")
    log.warning("loud")
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == ["loud"]


@pytest.mark.usefixtures("restored_logging")
def test_a_module_has_its_own_level_by_the_longest_name(capsys: pytest.CaptureFixture[str]) -> None:
    levels = LogLevels("warning", {"worker.sources": "error", "worker.sources.kafka": "debug"})
    configure_logs(levels, "json")
    for module in ("worker.pipeline.retry", "worker.sources.kinesis.source", "worker.sources.kafka.source"):
        of_module = structlog.get_logger(module)
        for level in ("debug", "info", "warning", "error"):
            getattr(of_module, level)(f"{module.split('.')[2]} {level}")
    said = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert said == [
        *("retry warning", "retry error", "kinesis error"),
        *("kafka debug", "kafka info", "kafka warning", "kafka error"),
    ]


def test_a_name_is_that_of_a_module_not_its_beginning() -> None:
    levels = LogLevels("info", {"worker.sources": "error"})
    assert levels.of("worker.sources") == levels.of("worker.sources.kafka.group") == logging.ERROR
    assert levels.of("worker.sources_of_others") == levels.of("") == logging.INFO


@pytest.mark.usefixtures("restored_logging")
@pytest.mark.parametrize("line_format", ["json", "console"])
def test_levels_are_raised_and_restored_while_it_runs(
    line_format: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
) -> None:
    levels = LogLevels("info", {"test": "error"})
    configure_logs(levels, line_format)
    log.debug("before")
    levels.raise_to("debug")
    log.debug("meanwhile")
    assert log.is_enabled_for(logging.DEBUG)
    levels.restore()
    log.debug("after")
    assert not log.is_enabled_for(logging.WARNING)
    said = capsys.readouterr().out
    assert ("before" in said, "meanwhile" in said, "after" in said) == (False, True, False)


def test_raising_hides_nothing_that_was_shown() -> None:
    levels = LogLevels("info", {"worker.pipeline": "debug"})
    levels.raise_to("warning")
    assert levels.of("worker.pipeline.retry") == logging.DEBUG
    assert levels.of("worker.replay.run") == logging.INFO


@pytest.mark.usefixtures("restored_logging")
def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(KeyError):
        configure_logs("chatty", "json")


def test_a_record_in_a_line_shows_as_its_type(logged: Callable[[], Lines]) -> None:
    """msgspec would encode a struct with all that is in it."""
    log.info("oops", record=Record(Assignment(Partition("t", 0), 1), 0, 0, None, MARKED.encode(), ()))
    assert logged()[0]["record"] == "<worker.core.model.records.Record>"


def test_an_exception_is_logged_without_its_words(logged: Callable[[], Lines]) -> None:
    try:
        int(MARKED)
    except ValueError as error:
        log.exception("first")
        log.error("second", exc_info=error)  # noqa: TRY400  the other way to say it
        log.error("third", exc_info=sys.exc_info())  # noqa: G201  and another
    log.exception("fourth")  # noqa: LOG004  there is none, which must do no harm
    lines = logged()
    assert [line.get("exceptions", [{}])[0].get("type") for line in lines] == 3 * ["ValueError"] + [None]
    assert MARKED not in json.dumps(lines)


@pytest.mark.usefixtures("restored_logging")
def test_console_lines_are_for_eyes_and_keep_the_same_rule(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "console")
    try:
        int(MARKED)
    except ValueError:
        log.exception("delivery.broke", code="X")
    said = capsys.readouterr().out
    assert "delivery.broke" in said
    assert "ValueError" in said
    assert MARKED not in said
    assert not said.startswith("{")


@pytest.mark.usefixtures("restored_logging")
@pytest.mark.parametrize(("terminal", "begins_with_brace"), [(True, False), (False, True)])
def test_without_a_format_a_terminal_gets_the_console_and_anything_else_json(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool, begins_with_brace: bool
) -> None:
    class Stdout(io.TextIOWrapper):
        def isatty(self) -> bool:
            return terminal

    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Stdout(written, write_through=True))
    configure_logs("info")
    log.info("hello")
    assert written.getvalue().startswith(b"{") is begins_with_brace


def test_libraries_are_heard_from_warning_on_whatever_level_they_set(logged: Callable[[], Lines]) -> None:
    """botocore at debug would write whole requests, with bodies and signatures."""
    library = logging.getLogger("botocore.endpoint")
    library.setLevel(logging.DEBUG)
    try:
        library.debug("body %s", MARKED)
        library.info("body %s", MARKED)
        library.warning("mind this")
    finally:
        library.setLevel(logging.NOTSET)
    assert [line["words"] for line in logged()] == ["mind this"]


def test_known_libraries_are_told_by_their_words_without_the_values(logged: Callable[[], Lines]) -> None:
    logging.getLogger("botocore.credentials").warning("Refreshing failed for %s", MARKED)
    (line,) = logged()
    assert line["event"] == "library.said"
    assert line["library"] == "botocore.credentials"
    assert line["words"] == "Refreshing failed for %s"
    assert "test_logs.py:" in line["place"]


def test_unknown_libraries_are_told_by_place_only(logged: Callable[[], Lines]) -> None:
    logging.getLogger("somebody").error(f"bad {MARKED}")  # noqa: G004  as some libraries do
    (line,) = logged()
    assert line["level"] == "error"
    assert "words" not in line
    assert MARKED not in json.dumps(line)


def test_librdkafka_is_told_in_full(logged: Callable[[], Lines]) -> None:
    logging.getLogger(LIBRDKAFKA).error("%s [%s] %s", "FAIL", "worker#consumer-1", "broker down")
    assert logged()[0]["words"] == "FAIL [worker#consumer-1] broker down"


def test_what_librdkafka_repeats_is_told_once_for_now(logged: Callable[[], Lines]) -> None:
    """While a broker is away it says so twenty times a second."""
    for _ in range(50):
        logging.getLogger(LIBRDKAFKA).error("%s [%s] %s", "FAIL", "worker#consumer-1", "broker down")
    logging.getLogger(LIBRDKAFKA).error("%s [%s] %s", "REQTMOUT", "worker#consumer-1", "timed out")
    assert [line["words"].split()[0] for line in logged()] == ["FAIL", "REQTMOUT"]


@pytest.mark.parametrize(("level", "name"), [(35, "warning"), (50, "critical"), (70, "critical")])
def test_levels_of_a_librarys_own_making_count_as_the_one_below(
    logged: Callable[[], Lines], level: int, name: str
) -> None:
    logging.getLogger("somebody").log(level, "x")
    assert logged()[0]["level"] == name


async def test_a_task_that_nobody_awaited_is_told_without_its_words(logged: Callable[[], Lines]) -> None:
    """asyncio puts the exception, words and all, into its message."""
    asyncio.get_running_loop().call_exception_handler(
        {"message": MARKED, "exception": ValueError(MARKED), "task": MARKED}
    )
    (line,) = logged()
    assert line["exceptions"][0]["type"] == "ValueError"
    assert MARKED not in json.dumps(line)


def test_a_crash_is_logged_without_its_words(logged: Callable[[], Lines]) -> None:
    log_crashes()
    error = ValueError(MARKED)
    sys.excepthook(ValueError, error, None)
    thread = threading.Thread(target=lambda: json.loads(MARKED))
    thread.start()
    thread.join()
    lines = logged()
    assert [line["event"] for line in lines] == ["worker.crashed", "worker.thread_crashed"]
    assert [line["exceptions"][0]["type"] for line in lines] == ["ValueError", "json.decoder.JSONDecodeError"]
    assert MARKED not in json.dumps(lines)


def test_a_warning_is_logged_without_its_words(logged: Callable[[], Lines]) -> None:
    """It would be printed beside the lines, whatever a library put into it."""
    with warnings.catch_warnings(action="always"):
        log_crashes()
        warnings.warn(MARKED, RuntimeWarning, stacklevel=1)
    (line,) = logged()
    assert (line["event"], line["category"]) == ("library.warned", "RuntimeWarning")
    assert "test_logs.py:" in line["place"]
    assert MARKED not in json.dumps(line)


def test_an_interrupt_from_the_keyboard_is_no_crash(
    logged: Callable[[], Lines], capsys: pytest.CaptureFixture[str]
) -> None:
    log_crashes()
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert "KeyboardInterrupt" in capsys.readouterr().err
    assert logged() == []
