"""``personalize-worker run``: read the configuration, then deliver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.commands.mistakes import print_mistakes
from worker.config import ConfigError, read_settings
from worker.config.environment import client_files
from worker.runtime.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def run_worker(config: Path | None, environment: Mapping[str, str]) -> ExitCode:
    """Deliver until told to stop, which ends the process; return only if the configuration is wrong."""
    try:
        settings = read_settings(config, environment)
    except ConfigError as error:
        print_mistakes(error, config)
        return ExitCode.MISCONFIGURED
    from worker.runtime.login_files import LoginFiles  # noqa: PLC0415  as below
    from worker.runtime.run import run  # noqa: PLC0415  a second that a wrong configuration need not wait

    return run(settings, LoginFiles(settings.kafka, client_files(environment)))
