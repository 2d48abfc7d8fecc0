"""The command line of ``try``. Little but the standard library is imported: ``--help`` is fast."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from worker.core.model.places import read_place

if TYPE_CHECKING:
    from typing import Any

_MOST_RECORDS: Final = 1_000_000
_DESCRIPTION: Final = """\
Shows records, and the events that would be sent for them, or why none would be. Nothing is sent, nothing is
committed, and no group is joined. User data is shown, because it is asked for; nothing of it is logged.
"""
_EPILOG: Final = """\
Without Kafka: `personalize-worker try --file records.json --mapping mapping.yaml`; a line a record.
Exit codes: 0; 1, records were read and none of them maps, or they could not be read; 2, the command line or
the configuration is wrong.
"""


class AtTime(NamedTuple):
    """From this moment on, by the records' own timestamps."""

    epoch_ms: int


class AtOffset(NamedTuple):
    """From this offset of this partition on."""

    partition: int
    offset: int


Start: TypeAlias = Literal["newest", "oldest"] | AtTime | AtOffset
"""Where to begin to read each partition."""


def add_try(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    _add_sources(parser)
    add_mappings(parser)
    refuse_unnamed(parser)
    parser.add_argument(
        "--records", type=_count, metavar="N", help="how many of each topic (default: 5; to suggest: 1000)"
    )
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each record")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--suggest", action="store_true", help="write a first mapping for such records, as commented YAML"
    )
    instead.add_argument(
        "--summary",
        type=_count,
        metavar="N",
        help="read so many records of each topic; say what they mean for quota, sessions and dead letters",
    )


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the YAML file; the environment overrides it"
    )
    source = parser.add_argument_group(
        "which records (default: the newest of kafka.topics, or kinesis.streams)"
    )
    source.add_argument("--topic", metavar="NAME", help="of this topic, or stream")
    start = source.add_mutually_exclusive_group()
    start.add_argument("--newest", dest="start", action="store_const", const="newest", help="the newest")
    start.add_argument("--oldest", dest="start", action="store_const", const="oldest", help="the oldest")
    start.add_argument(
        "--at",
        dest="start",
        type=_start,
        metavar="WHERE",
        help="from there on: a time (ISO 8601, UTC without a zone), PARTITION:OFFSET, or SHARD:SEQUENCE",
    )
    start.add_argument(
        "--file", metavar="F", help="of a file, a line each (docs/try.md); -: of standard input"
    )
    start.add_argument(
        "--dead-letter",
        nargs="?",
        const="newest",
        type=_letter,
        metavar="P:O",
        help="the dead letter at this position, as `dead-letters` shows it; without one: the newest",
    )
    parser.set_defaults(start="newest")


class _Unnamed(argparse.Action):
    """Says by which option a file is named that stands there without one."""

    def __call__(self, parser: argparse.ArgumentParser, _: object, values: Any, __: object = None) -> None:  # noqa: ANN401  argparse's
        if values:
            parser.error(f"{values[0]} stands there without an option: for records say --file {values[0]}")


def refuse_unnamed(parser: argparse.ArgumentParser) -> None:
    """Refuse words without an option, with what to say."""
    parser.add_argument("unnamed", nargs="*", action=_Unnamed, help=argparse.SUPPRESS)


def add_mappings(parser: argparse.ArgumentParser) -> None:
    """Add what says how records are read."""
    mapping = parser.add_argument_group("how they are read (default: as configured)")
    mapping.add_argument("--preset", metavar="NAME", help="with this preset")
    mapping.add_argument(
        "--mapping", type=Path, metavar="FILE", help="with the mapping of this file, such as --suggest writes"
    )
    mapping.add_argument("--format", metavar="NAME", help="as values of this format")


def _start(text: str) -> Start:
    if text == "newest":  # argparse parses a default as well
        return "newest"
    if (place := _place(text)) is not None:
        return place
    try:
        moment = datetime.fromisoformat(text)
        utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        return AtTime(int(utc.timestamp() * 1000))
    except (ValueError, OverflowError):  # OverflowError: the time is out of the calendar's range.
        reason = f"{text} is neither a time in ISO 8601 nor a position such as 3:1234"
        raise argparse.ArgumentTypeError(reason) from None


def _letter(text: str) -> AtOffset | Literal["newest"]:
    if text == "newest":  # as above
        return "newest"
    place = _place(text)
    if place is None:
        raise argparse.ArgumentTypeError(f"{text} is not a position such as 3:1234")  # noqa: EM102, TRY003  argparse's way
    return place


def _place(text: str) -> AtOffset | None:
    number, _, place = text.partition(":")
    offset = read_place(place)
    return None if offset is None or not re.fullmatch(r"\d{1,9}", number) else AtOffset(int(number), offset)


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or not 1 <= int(text) <= _MOST_RECORDS:
        raise argparse.ArgumentTypeError(f"must be from 1 to {_MOST_RECORDS:,}")  # noqa: EM102, TRY003  as above
    return int(text)
