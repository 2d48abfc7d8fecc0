"""Processes that do not outlive the tests, however those end."""

from __future__ import annotations

import shutil


def ending_with_us(*command: str) -> list[str]:
    """Word a command so that on Linux the process dies with its parent."""
    ends_with_us = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    return [*ends_with_us, *command]
