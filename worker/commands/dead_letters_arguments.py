"""The command line of ``dead-letters``. Little but the standard library is imported: ``--help`` is fast."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from worker.core.model.places import read_place

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_REPLAY_EPILOG: Final = """\
A replay continues where the last one with the same filters stopped. Exit codes: 0, all were accepted; 1, some
failed again, were refused, or it was stopped before the end; 2, the command line or the configuration is
wrong.
"""


class Moment(NamedTuple):
    """A time in epoch seconds, and whether it was given relative to now."""

    seconds: float
    relative: bool

    def __str__(self) -> str:
        """Format it in ISO 8601."""
        return datetime.fromtimestamp(self.seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def add_dead_letters(parser: argparse.ArgumentParser) -> None:
    """Add the four subcommands."""
    own = parser.add_subparsers(dest="dead_letters", required=True, metavar="COMMAND")
    listing = own.add_parser("list", help="count them by reason, topic and time")
    listing.add_argument("--by", choices=("hour", "day"), help="the time step (default: by their span)")
    listing.add_argument("--json", action="store_true", help="print JSON")
    show = own.add_parser("show", help="show some of them")
    show.add_argument("--limit", type=_count, default=1, metavar="N", help="how many (default: 1)")
    show.add_argument("--payload", action="store_true", help="include user data: key, value, headers, answer")
    export = own.add_parser("export", help="write them in full, as JSON lines")
    export.add_argument("--output", type=Path, metavar="FILE", help="a new file (default: stdout)")
    replay = own.add_parser("replay", help="send them through the worker again", epilog=_REPLAY_EPILOG)
    replay.add_argument("--dry-run", action="store_true", help="show the result; send and commit nothing")
    replay.add_argument("--from-start", action="store_true", help="start over")
    replay.add_argument(
        "--calls-per-second", type=_rate, metavar="N", help="at most (default: a twentieth of the quota)"
    )
    replay.add_argument(
        "--wave", type=_count, default=10_000, metavar="N", help="how many letters to sort at a time (10000)"
    )
    for each in (listing, show, export, replay):
        _add_filters(each)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the YAML file; the environment overrides it"
    )
    of = parser.add_argument_group("which letters (default: all)")
    of.add_argument("--reason", action="append", default=[], metavar="CLASS", help="error class; repeatable")
    of.add_argument("--since", type=_moment, metavar="TIME", help="failed then or later: ISO 8601, or 2h")
    of.add_argument("--until", type=_moment, metavar="TIME", help="failed before: ISO 8601, or 30m")
    of.add_argument("--topic", metavar="NAME", help="the topic, or stream, of the original record")
    of.add_argument("--partition", type=_number, metavar="N", help="its partition, or shard")
    of.add_argument(
        "--offsets", type=_offsets, metavar="A..B", help="its offset or sequence number, both inclusive"
    )
    of.add_argument(
        "--letter",
        type=_place,
        action="append",
        default=[],
        metavar="P:O",
        help="partition and offset in the dead-letter topic, or shard and sequence number; repeatable",
    )
    of.add_argument("--exhausted", action="store_true", help="only those replayed as often as allowed")


def _moment(text: str) -> Moment:
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)
    try:
        if match:
            ago = timedelta(**{_UNITS[match[2]]: int(match[1])})
            return Moment((datetime.now(UTC) - ago).timestamp(), relative=True)
        moment = datetime.fromisoformat(text)
        utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        return Moment(utc.timestamp(), relative=False)
    except (ValueError, OverflowError):  # OverflowError: the time is out of the calendar's range.
        raise argparse.ArgumentTypeError(f"{text} is neither ISO 8601 nor such as 2h") from None  # noqa: EM102, TRY003  argparse's way


def _offsets(text: str) -> tuple[int, int]:
    first, _, last = text.partition("..")
    begin, end = read_place(first), read_place(last)
    if begin is None or end is None or begin > end:
        raise argparse.ArgumentTypeError(f"{text} is not a range such as 100..200")  # noqa: EM102, TRY003  as above
    return begin, end


def _place(text: str) -> tuple[int, int]:
    number, _, place = text.partition(":")
    offset = read_place(place)
    if offset is None or not re.fullmatch(r"\d{1,9}", number):
        raise argparse.ArgumentTypeError(f"{text} is not a position such as 3:1234")  # noqa: EM102, TRY003  as above
    return int(number), offset


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of 0 or more")  # noqa: EM102, TRY003  as above
    return int(text)


def _count(text: str) -> int:
    if (number := _number(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")  # noqa: EM101, TRY003  as above
    return number


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate <= 100_000:  # noqa: PLR2004  as personalize.requests_per_second
        raise argparse.ArgumentTypeError("must be above 0, and 100000 at most")  # noqa: EM101, TRY003  as above
    return rate
