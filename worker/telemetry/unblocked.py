"""Lines for whoever reads standard output, or does not: whoever logs never waits for them.

A thread of its own writes. While the reader is slow its lines wait, up to a bound; those that find no room
are dropped and counted, and said once there is room. When the reader has gone, all are dropped, and nothing
else changes.
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

# An hour of a quiet worker's lines, a minute of a troubled one's.
MAX_BYTES: Final = 1 << 20
# At the end of a process, for whoever still reads its output.
LAST_LINES_SECONDS: Final = 1.0
# Those who give standard output may have made it not to block.
_WOULD_BLOCK: Final = {errno.EAGAIN, errno.EWOULDBLOCK}


class UnblockedLines:
    """A file of lines, as far as loggers know one."""

    def __init__(
        self, descriptor: int, dropped: Callable[[int], object], *, max_bytes: int = MAX_BYTES
    ) -> None:
        """Begin to write.

        Args:
            descriptor: an open file, which stays so.
            dropped: is told how many lines were dropped, once there is room again; it may log.
            max_bytes: so much may wait.
        """
        self._descriptor = descriptor
        self._dropped_is_told = dropped
        self._max_bytes = max_bytes
        self._waiting: deque[bytes] = deque()
        self._bytes = self._dropped = 0
        # One line is being written, which is in ``_bytes`` and not in ``_waiting`` any more.
        self._changed = threading.Condition()
        # The process never waits for it at its end: nobody may read.
        threading.Thread(target=self._run, name="log lines", daemon=True).start()

    def isatty(self) -> bool:
        """Whether a person looks on."""
        return os.isatty(self._descriptor)

    def write(self, line: bytes | str) -> int:
        """Have a whole line, or several, written soon, or dropped."""
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
        """Do nothing: loggers call it after each line, and must not wait."""

    def drain(self, seconds: float) -> None:
        """Wait until all is written, but not longer than this."""
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
    """Write all of it, however long that takes; False when nobody can read it any more."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except OSError as error:
            if error.errno not in _WOULD_BLOCK:
                return False
            select.select((), (descriptor,), ())
    return True
