"""The command line. It imports only the standard library, to keep ``--help`` fast."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from worker.runtime.exit_codes import ExitCode
from worker.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_EPILOG: Final = """\
Every key of the configuration can come from the environment: WORKER_KAFKA__TOPICS=a,b
and from a file that the environment names: WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE=/run/secrets/password
"""
_HIGHEST_PORT: Final = 65_535


def build_parser(words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Build the parser of every command and its options.

    Args:
        words: the command line, if only it is to be parsed: commands that it does not name get no options.
    """
    parser = _Parser(
        prog="personalize-worker",
        description="Delivers user interactions from Kafka to Amazon Personalize, in order, none lost.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (about, add_options) in _COMMANDS.items():
        command = commands.add_parser(name, help=about)
        if words is None or name in words:
            add_options(command)
    return parser


def _add_check(check: argparse.ArgumentParser) -> None:
    _add_config(check)
    check.add_argument(
        "--sample",
        type=_positive,
        nargs="?",
        const=100,
        metavar="N",
        help="read the newest N records of each topic (default: %(const)s), and say how many map, how many "
        "do not, and why; nothing is sent, nothing committed",
    )


def _add_status(status: argparse.ArgumentParser) -> None:
    status.add_argument("--address", metavar="HOST:PORT", help="of its admin server (default: see --config)")
    status.add_argument(
        "--config", type=Path, metavar="FILE", help="its own: for the address, and to ask Kafka"
    )
    status.add_argument("--json", action="store_true", help="print its answer as it is")


def _add_try(parser: argparse.ArgumentParser) -> None:
    from worker.commands.try_arguments import add_try  # noqa: PLC0415  the other commands do without

    add_try(parser)


def _add_dead_letters(parser: argparse.ArgumentParser) -> None:
    from worker.commands.dead_letters_arguments import add_dead_letters  # noqa: PLC0415  as above

    add_dead_letters(parser)


def _add_endpoint(endpoint: argparse.ArgumentParser) -> None:
    endpoint.description = (
        "PutEvents on this machine (127.0.0.1), to try your own topic without AWS: it checks what AWS "
        "checks, takes any keys and any tracking id, and says what it accepted. Ctrl-C ends it."
    )
    endpoint.add_argument(
        "--port", type=_port, default=8010, help="to listen on; 0: any that is free (default: %(default)s)"
    )


def _add_demo(demo: argparse.ArgumentParser) -> None:
    from worker.commands.try_arguments import add_mappings, refuse_unnamed  # noqa: PLC0415  as above

    demo.description = (
        "Delivers records with the real worker, from a Kafka inside to a PutEvents inside: made-up ones, "
        "with faults, or with --file your own, with your mapping. Neither Kafka nor AWS is needed, and none "
        "is touched."
    )
    demo.add_argument(
        "--file",
        metavar="F",
        help="deliver the records of this file, a line each (docs/try.md), without faults",
    )
    demo.add_argument("--config", type=Path, metavar="FILE", help="with --file: the YAML file")
    add_mappings(demo)
    refuse_unnamed(demo)
    demo.set_defaults(topic=None)
    demo.add_argument("--seed", type=int, default=1, help="makes other records (default: %(default)s)")
    demo.add_argument("--records", type=_positive, default=20_000, help="how many (default: %(default)s)")
    demo.add_argument(
        "--kinesis",
        action="store_true",
        help="from a stand-in for Kinesis, with a split and a merge",
    )


def _add_presets(presets: argparse.ArgumentParser) -> None:
    presets.add_argument(
        "name", nargs="?", metavar="NAME", help="print this one with its comments, to be copied"
    )


def _add_nothing(_: argparse.ArgumentParser) -> None:
    pass


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config", type=Path, metavar="FILE", help="the YAML file; the environment goes over it"
    )


# In the order of --help.
_COMMANDS: Final[Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None]]]] = {
    "run": ("deliver, until told to stop", _add_config),
    "check": ("say what works and what does not; sends nothing", _add_check),
    "status": ("ask a running worker why everything is where it is", _add_status),
    "try": ("show records and the events that would be sent for them; sends nothing", _add_try),
    "dead-letters": ("count, show, export or replay dead letters", _add_dead_letters),
    "endpoint": ("PutEvents on this machine, to try your own topic without AWS", _add_endpoint),
    "demo": ("deliver made-up records, or a file's, from a Kafka inside to an endpoint inside", _add_demo),
    "presets": ("list the ready-made mappings for well-known records, or print one", _add_presets),
    "schema": ("print the JSON schema of the configuration", _add_nothing),
}


class _Parser(argparse.ArgumentParser):
    """Says what to do about a wrong command line, too."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        advice = f"`{self.prog} --help` says what there is"
        self.exit(ExitCode.MISCONFIGURED, f"{self.prog}: {message}; {advice}\n")


class _Version(argparse.Action):
    """Prints the version."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        sys.stdout.write(f"personalize-worker {VERSION}\n")
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
