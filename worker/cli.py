"""Dispatches to the chosen command. Imports happen only when needed, because ``--help`` has 0.3 s."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

from worker.commands.arguments import build_parser
from worker.runtime.exit_codes import ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Raises:
        SystemExit: raised by argparse for --help, --version and a wrong command line.
    """
    words = sys.argv[1:] if arguments is None else arguments
    chosen = build_parser(words).parse_args(words)
    try:
        code = _dispatch(chosen)
        # Flushed here, because an error at the end of the process could not be reported.
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_output()
        return ExitCode.OUTPUT_CLOSED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001  a traceback's message could hold what nobody may see
        _report_crash(error)
        return ExitCode.FAILED
    return code


def _dispatch(chosen: argparse.Namespace) -> int:  # noqa: PLR0911  one for each command
    match chosen.command:
        case "run":
            # What a start makes stays: a hundred searches for garbage would find little. ``runtime.run`` has
            # them begin when the worker is there.
            gc.disable()
            try:
                from worker.commands.run import run_worker  # noqa: PLC0415  see the module's docstring

                return run_worker(chosen.config, os.environ)
            finally:
                gc.enable()
        case "check":
            from worker.commands.check import check  # noqa: PLC0415  see the module's docstring

            return check(chosen.config, os.environ, _print_line, sample=chosen.sample)
        case "status":
            from worker.commands.status import show_status  # noqa: PLC0415  see the module's docstring

            return show_status(chosen.address, chosen.config, os.environ, _print_line, as_json=chosen.json)
        case "try":
            from worker.commands.try_ import run_try  # noqa: PLC0415  see the module's docstring

            return run_try(chosen, os.environ)
        case "dead-letters":
            from worker.commands.dead_letters import run_dead_letters  # noqa: PLC0415  see the module's docstring

            return run_dead_letters(chosen)
        case "endpoint":
            from worker.commands.endpoint import run_endpoint  # noqa: PLC0415  see the module's docstring

            return run_endpoint(chosen.port)
        case "demo":
            from worker.commands.demo import show_demo  # noqa: PLC0415  see the module's docstring

            return show_demo(chosen, os.environ)
        case "presets":
            from worker.commands.presets import show_presets  # noqa: PLC0415  see the module's docstring

            return show_presets(chosen.name)
        case "schema":
            from worker.commands.schema import print_schema  # noqa: PLC0415  see the module's docstring

            return print_schema()
        case other:
            raise NotImplementedError(other)


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    # Each answer may take seconds, so it is shown as soon as it is there.
    sys.stdout.flush()


def _silence_output() -> None:
    """Discard all further output, because its reader has gone, as ``head`` does."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())


def _report_crash(error: Exception) -> None:
    from worker.telemetry.plain import exceptions  # noqa: PLC0415  see the module's docstring

    sys.stderr.write("personalize-worker: crashed, which is a mistake of its own; please report this:\n")
    sys.stderr.writelines(f"  {each}\n" for each in exceptions(error))
