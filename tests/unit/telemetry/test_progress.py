"""Progress on a terminal and elsewhere."""

from __future__ import annotations

from io import StringIO
from shutil import get_terminal_size

from worker.telemetry.progress import Progress


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
