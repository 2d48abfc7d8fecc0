"""The exit code of ``try``."""

from __future__ import annotations

import sys

from worker.runtime.exit_codes import ExitCode


def verdict(records: int, mapped: int) -> ExitCode:
    """Return the exit code for so many records of which so many map; say so if there was none."""
    if not records:
        sys.stderr.write("personalize-worker: there is no record to try: try again once there are some\n")
        return ExitCode.OK
    return ExitCode.OK if mapped else ExitCode.FAILED
