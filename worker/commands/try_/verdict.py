"""The exit code of ``try``."""

from __future__ import annotations

import sys

from worker.runtime.exit_codes import ExitCode


def verdict(records: int, mapped: int, file: str | None) -> ExitCode:
    """Return the exit code for so many records of which so many map; say so if there was none.

    Args:
        records: how many were read.
        mapped: how many of them map.
        file: the file that they are of; None if they are of a topic.
    """
    if not records:
        none = "there is no record to try: try again once there are some"
        sys.stderr.write(f"personalize-worker: {none if file is None else f'{file}: it holds no record'}\n")
        return ExitCode.OK
    return ExitCode.OK if mapped else ExitCode.FAILED
