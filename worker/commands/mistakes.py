"""Prints the mistakes of a configuration on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from worker.config import NO_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from worker.config import ConfigError


_ABSENT: Final = ("is missing", "are missing")


def print_mistakes(error: ConfigError, config: Path | None, *, todo: str = NO_FILE) -> None:
    """Print all of them, one per line, and what to do if a key is missing and there was no file.

    Args:
        error: the mistakes.
        config: the file of the configuration, if there was one.
        todo: where the missing keys can stand.
    """
    count = len(error.mistakes)
    sys.stderr.write(f"personalize-worker: {count} mistake{'s' * (count > 1)} in the configuration\n")
    sys.stderr.writelines(f"  {mistake}\n" for mistake in error.mistakes)
    # Whoever wrote a wrong key knows where keys stand.
    if config is None and any(mistake.reason.startswith(_ABSENT) for mistake in error.mistakes):
        sys.stderr.write(f"{todo}\n")
