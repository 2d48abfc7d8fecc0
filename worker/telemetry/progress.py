"""Shows progress on one line."""

from __future__ import annotations

from shutil import get_terminal_size
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

LINE_SECONDS = 2.0


class Progress:
    """One line: rewritten in place on a terminal, elsewhere printed anew every now and then.

    Args:
        out: where to write.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self._shown_at = 0.0
        self._shown = ""

    def show(self, line: str) -> None:
        """Show this line."""
        now = monotonic()
        if self._is_terminal:
            # A line that wraps could not be overwritten.
            width = get_terminal_size().columns - 1
            self._out.write("\r" + line[:width].ljust(width))
        elif line != self._shown and now - self._shown_at >= LINE_SECONDS:
            self._out.write(line + "\n")
            self._shown, self._shown_at = line, now
        self._out.flush()

    def end(self) -> None:
        """End the line."""
        self._out.write("\n")
