"""The exit codes of every command, stated once. Only the standard library: ``--help`` is to be quick."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended, for a shell or an orchestrator."""

    OK = 0
    """All well; of a worker: it drained."""
    FAILED = 1
    """Something does not work, or crashed."""
    MISCONFIGURED = 2
    """The command line or the configuration is wrong: a restart does not help."""
    INTERRUPTED = 130
    """Ended by Ctrl-C: 128 + SIGINT, as a shell reports it."""
    OUTPUT_CLOSED = 141
    """Nobody reads its output any more: 128 + SIGPIPE, as a shell reports it."""


def code_of_signal(number: int) -> int:
    """The exit code that a shell reports for a process that this signal ended."""
    return 128 + number
