"""The exit codes of every command, stated once. It imports little, to keep ``--help`` fast."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended, for a shell or an orchestrator."""

    OK = 0
    """Success; for a worker: it drained."""
    FAILED = 1
    """Something does not work, or crashed."""
    MISCONFIGURED = 2
    """The command line or the configuration is wrong, so a restart does not help."""
    INTERRUPTED = 130
    """Ended by Ctrl-C: 128 + SIGINT, as a shell reports it."""
    OUTPUT_CLOSED = 141
    """The reader of its output has gone: 128 + SIGPIPE, as a shell reports it."""


def code_of_signal(number: int) -> int:
    """Return the exit code that a shell reports for a process that this signal ended."""
    return 128 + number
