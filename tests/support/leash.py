"""Processes that do not outlive the tests, however those end."""

from __future__ import annotations

import shutil


def on_a_leash(*command: str) -> list[str]:
    """Word a command so that on Linux the process dies with its parent."""
    leash = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    return [*leash, *command]
