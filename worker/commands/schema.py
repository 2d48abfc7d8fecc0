"""``personalize-worker schema``: prints the JSON schema of the configuration, byte for byte as its file."""

from __future__ import annotations

import sys

from worker.config import schema
from worker.runtime.exit_codes import ExitCode


def print_schema() -> ExitCode:
    """Print it."""
    sys.stdout.write(schema().decode())
    return ExitCode.OK
