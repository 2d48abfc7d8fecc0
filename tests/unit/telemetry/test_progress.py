"""Progress on a terminal and elsewhere."""

from __future__ import annotations

from io import StringIO
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from worker.telemetry import progress as progress_module
from worker.telemetry.progress import Progress

if TYPE_CHECKING:
    import pytest


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_is_written_over_and_never_wraps() -> None:
    out = Terminal()
    progress = Progress(out)
    progress.show("x" * 1_000)
    progress.show("short")
    progress.end()
    _, first, second = out.getvalue().split("\r")
    width = get_terminal_size().columns - 1
    assert first == "x" * width
    assert second == "short".ljust(width) + "\n"


def test_elsewhere_a_line_is_whole_and_the_next_not_at_once() -> None:
    out = StringIO()
    progress = Progress(out)
    progress.show("first")
    progress.show("second")
    assert out.getvalue() == "first\n"


def test_elsewhere_a_line_that_says_nothing_new_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "LINE_SECONDS", 0.0)
    out = StringIO()
    progress = Progress(out)
    for line in ("one", "one", "two", "two"):
        progress.show(line)
    assert out.getvalue() == "one\ntwo\n"
