"""Prints the mistakes of a configuration on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from worker.config import NO_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from worker.config import ConfigError


def print_mistakes(error: ConfigError, config: Path | None) -> None:
    """Print all of them, one per line; without a file, also how to provide one."""
    count = len(error.mistakes)
    sys.stderr.write(f"personalize-worker: {count} mistake{'s' * (count > 1)} in the configuration\n")
    sys.stderr.writelines(f"  {mistake}\n" for mistake in error.mistakes)
    if config is None:
        sys.stderr.write(f"{NO_FILE}\n")
