"""Writes log lines to standard output without ever blocking the code that logs.

A separate thread writes. While the reader is slow, lines wait up to a limit; lines beyond it are dropped and
counted, and the count is reported once there is room. When the reader is gone, all lines are dropped, and
nothing else changes.
"""

from __future__ import annotations

import errno
import os
import select
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# An hour of lines from a quiet worker, or a minute from one in trouble.
MAX_BYTES: Final = 1 << 20
# Bounded, because nobody may be reading the last lines of a process.
LAST_LINES_SECONDS: Final = 1.0
# Whoever provides standard output may have made it non-blocking.
_WOULD_BLOCK: Final = {errno.EAGAIN, errno.EWOULDBLOCK}


class UnblockedLines:
    """A file of lines, with as much of the file interface as loggers need.

    Args:
        descriptor: an open file, which stays open.
        dropped: receives the number of dropped lines once there is room again; it may log.
        max_bytes: the most bytes that may wait.
    """

    def __init__(
        self, descriptor: int, dropped: Callable[[int], object], *, max_bytes: int = MAX_BYTES
    ) -> None:
        self._descriptor = descriptor
        self._dropped_is_told = dropped
        self._max_bytes = max_bytes
        self._waiting: deque[bytes] = deque()
        self._bytes = self._dropped = 0
        # The line being written is still counted in ``_bytes`` but no longer in ``_waiting``.
        self._changed = threading.Condition()
        # A daemon thread, because the process must not wait for it at exit: nobody may be reading.
        threading.Thread(target=self._run, name="log lines", daemon=True).start()

    def isatty(self) -> bool:
        """Whether the output is a terminal."""
        return os.isatty(self._descriptor)

    def write(self, line: bytes | str) -> int:
        """Queue one or several whole lines for writing, or drop them."""
        data = line.encode(errors="backslashreplace") if isinstance(line, str) else line
        with self._changed:
            if self._bytes + len(data) > self._max_bytes:
                self._dropped += 1
            else:
                self._waiting.append(data)
                self._bytes += len(data)
                self._changed.notify_all()
        return len(line)

    def flush(self) -> None:
        """Do nothing, because loggers call it after each line and must not wait."""

    def drain(self, seconds: float) -> None:
        """Wait until everything is written, but at most this long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._bytes, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                line = self._waiting.popleft()
            is_written = _write(self._descriptor, line)
            with self._changed:
                self._bytes -= len(line)
                dropped, self._dropped = (self._dropped, 0) if is_written else (0, self._dropped + 1)
                self._changed.notify_all()
            if dropped:
                self._dropped_is_told(dropped)


def _write(descriptor: int, data: bytes) -> bool:
    """Write all of it, however long it takes; False when nobody can read it any more."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except OSError as error:
            if error.errno not in _WOULD_BLOCK:
                return False
            select.select((), (descriptor,), ())
    return True
