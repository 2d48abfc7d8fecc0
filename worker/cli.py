"""The commands. Nothing is imported before it is known to be needed: ``--help`` has 0.3 s.

Exit codes: 0, all well; 1, something does not work; 2, the command line or the configuration is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from worker.commands.dead_letters_arguments import add_dead_letters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.config import ConfigError

_EPILOG = """\
Every key of the configuration can come from the environment: WORKER_KAFKA__TOPICS=a,b
and from a file that the environment names: WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE=/run/secrets/password
"""


_HIGHEST_PORT = 65_535

# As a shell tells of a program that Ctrl-C ended.
_INTERRUPTED = 130
# The same of one that wrote to a pipe that nobody reads.
_UNREAD = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, give its exit code.

    Raises:
        SystemExit: argparse's, for --help, --version and a wrong command line.
    """
    chosen = _parser().parse_args(arguments)
    try:
        code = _do(chosen)
        # Here, where it can be told: at the end of the process nobody hears that the reader has gone.
        sys.stdout.flush()
    except BrokenPipeError:
        return _unread()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001  a traceback's message could hold what nobody may see
        _tell_crash(error)
        return 1
    return code


def _unread() -> int:
    """Whoever read what is said has gone, as ``head`` does: the exit code, and nothing more is said."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    return _UNREAD


def _do(chosen: argparse.Namespace) -> int:
    match chosen.command:
        case "run":
            return _run(chosen.config)
        case "check":
            return _check(chosen.config, chosen.sample)
        case "status":
            return _status(chosen.address, chosen.config, as_json=chosen.json)
        case "endpoint" | "demo":
            return _local(chosen)
        case "dead-letters":
            return _dead_letters(chosen)
        case _:
            return _schema()


def _run(config: Path | None) -> int:
    from worker.config import ConfigError, read_settings  # noqa: PLC0415  see the module's docstring

    try:
        settings = read_settings(config, os.environ)
    except ConfigError as error:
        _complain(error, config)
        return 2
    from worker.runtime.wiring import run  # noqa: PLC0415  see the module's docstring

    return run(settings)


def _check(config: Path | None, sample: int | None) -> int:
    from worker.commands.check import check  # noqa: PLC0415  see the module's docstring

    return check(config, os.environ, _say, sample=sample)


def _status(address: str | None, config: Path | None, *, as_json: bool) -> int:
    from worker.commands.status import show_status  # noqa: PLC0415  see the module's docstring

    return show_status(address, config, os.environ, _say, as_json=as_json)


def _local(chosen: argparse.Namespace) -> int:
    if chosen.command == "endpoint":
        from worker.commands.endpoint import run_endpoint  # noqa: PLC0415  see the module's docstring

        return run_endpoint(chosen.port)
    from worker.local.demo import run_demo  # noqa: PLC0415  see the module's docstring

    return run_demo(seed=chosen.seed, records=chosen.records)


def _dead_letters(chosen: argparse.Namespace) -> int:
    from worker.commands.dead_letters import do_dead_letters  # noqa: PLC0415  see the module's docstring

    return do_dead_letters(chosen, lambda error: _complain(error, chosen.config))


def _schema() -> int:
    from worker.config import schema  # noqa: PLC0415  see the module's docstring

    sys.stdout.write(schema().decode())
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    # Each answer may take seconds: show it when it is there.
    sys.stdout.flush()


def _complain(error: ConfigError, config: Path | None) -> None:
    count = len(error.mistakes)
    sys.stderr.write(f"personalize-worker: {count} mistake{'s' * (count > 1)} in the configuration\n")
    sys.stderr.writelines(f"  {mistake}\n" for mistake in error.mistakes)
    if config is None:
        from worker.config import NO_FILE  # noqa: PLC0415  see the module's docstring

        sys.stderr.write(f"{NO_FILE}\n")


def _tell_crash(error: Exception) -> None:
    from worker.telemetry.plain import exceptions  # noqa: PLC0415  see the module's docstring

    sys.stderr.write("personalize-worker: crashed, which is a mistake of its own; please report this:\n")
    sys.stderr.writelines(f"  {each}\n" for each in exceptions(error))


class _Parser(argparse.ArgumentParser):
    """Says what to do about a wrong command line, too."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {message}; `{self.prog} --help` says what there is\n")


class _Version(argparse.Action):
    """Prints the version; it is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415  see the module's docstring

        _say(f"personalize-worker {version('personalize-worker')}")
        parser.exit()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")  # noqa: EM101, TRY003  argparse's way
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"must be from 0 to {_HIGHEST_PORT}")  # noqa: EM102, TRY003  as above
    return number


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="personalize-worker",
        description="Delivers user interactions from Kafka to Amazon Personalize, in order, none lost.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="deliver, until told to stop")
    check = commands.add_parser("check", help="say what works and what does not; sends nothing")
    for command in (run, check):
        command.add_argument(
            "--config", type=Path, metavar="FILE", help="the YAML file; the environment goes over it"
        )
    check.add_argument(
        "--sample",
        type=_positive,
        nargs="?",
        const=100,
        metavar="N",
        help="read the newest N records of each topic (default: %(const)s), and say how many map, how many "
        "do not, and why; nothing is sent, nothing committed",
    )
    status = commands.add_parser("status", help="ask a running worker why everything is where it is")
    status.add_argument("--address", metavar="HOST:PORT", help="of its admin server (default: see --config)")
    status.add_argument(
        "--config", type=Path, metavar="FILE", help="its own: for the address, and to ask Kafka"
    )
    status.add_argument("--json", action="store_true", help="print its answer as it is")
    add_dead_letters(commands)
    endpoint = commands.add_parser(
        "endpoint",
        help="PutEvents on this machine, to try your own topic without AWS",
        description="PutEvents on this machine (127.0.0.1), to try your own topic without AWS: it checks "
        "what AWS checks, takes any keys and any tracking id, and says what it accepted. Ctrl-C ends it.",
    )
    endpoint.add_argument(
        "--port", type=_port, default=8010, help="to listen on; 0: any that is free (default: %(default)s)"
    )
    demo = commands.add_parser(
        "demo", help="deliver made-up records from a Kafka inside to an endpoint inside"
    )
    demo.add_argument("--seed", type=int, default=1, help="makes other records (default: %(default)s)")
    demo.add_argument("--records", type=_positive, default=20_000, help="how many (default: %(default)s)")
    commands.add_parser("schema", help="print the JSON schema of the configuration")
    return parser
