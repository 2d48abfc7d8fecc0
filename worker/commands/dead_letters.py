"""The four ``dead-letters`` commands. Results go to stdout; progress and errors to stderr."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Final

from worker.commands.mistakes import print_mistakes
from worker.config import ConfigError, read_settings
from worker.dead_letters.reading import open_letter
from worker.replay.letter_topic import LettersUnreadable
from worker.replay.letters import open_letters
from worker.replay.listing import Listing
from worker.replay.selection import Selection
from worker.replay.showing import as_json, as_text
from worker.runtime.exit_codes import ExitCode
from worker.telemetry.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import BinaryIO

    from worker.dead_letters.reading import Letter
    from worker.settings import Settings

_READ_AT_ONCE: Final = 1000
# The file contains user data.
_MODE: Final = 0o600


def run_dead_letters(chosen: argparse.Namespace) -> ExitCode:
    """Run the command and return the exit code."""
    try:
        settings = read_settings(chosen.config, os.environ)
    except ConfigError as error:
        print_mistakes(error, chosen.config)
        return ExitCode.MISCONFIGURED
    selection = _selection(chosen)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Letters contain arbitrary text, and some terminals can't show all of it.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        match chosen.dead_letters:
            case "list":
                return _list(settings, selection, chosen)
            case "show":
                return _show(settings, selection, chosen)
            case "export":
                return _export(settings, selection, chosen)
            case _:
                return _replay(settings, selection, chosen)
    except LettersUnreadable as error:
        return _fail(str(error))


def _selection(chosen: argparse.Namespace) -> Selection:
    return Selection(
        kinds=tuple(sorted(set(chosen.reason))),
        since=chosen.since and chosen.since.seconds,
        until=chosen.until and chosen.until.seconds,
        topic=chosen.topic,
        partition=chosen.partition,
        offsets=chosen.offsets,
        letters=tuple(sorted(set(chosen.letter))),
        exhausted=chosen.exhausted,
    )


def _list(settings: Settings, selection: Selection, chosen: argparse.Namespace) -> ExitCode:
    listing = Listing(settings.dead_letters.place)
    for letter in _letters(settings, selection):
        listing.add(letter)
    sys.stdout.write(listing.json(chosen.by).decode() + "\n" if chosen.json else listing.text(chosen.by))
    return ExitCode.OK


def _show(settings: Settings, selection: Selection, chosen: argparse.Namespace) -> ExitCode:
    shown = 0
    for letter in _letters(settings, selection):
        sys.stdout.write("\n" * (shown > 0) + as_text(letter, payload=chosen.payload))
        shown += 1
        if shown == chosen.limit:
            break
    return ExitCode.OK if shown else _fail("no dead letter matches")


def _export(settings: Settings, selection: Selection, chosen: argparse.Namespace) -> ExitCode:
    if chosen.output is None:
        _write(settings, selection, sys.stdout.buffer)
        return ExitCode.OK
    try:
        file = os.open(chosen.output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    except OSError as error:
        return _fail(f"{chosen.output}: {error.strerror}")
    with os.fdopen(file, "wb") as out:
        count = _write(settings, selection, out)
    sys.stderr.write(f"{count:,} dead letters in {chosen.output}\n")
    return ExitCode.OK


def _write(settings: Settings, selection: Selection, out: BinaryIO) -> int:
    count = 0
    for letter in _letters(settings, selection):
        out.write(as_json(letter) + b"\n")
        count += 1
    out.flush()
    return count


def _replay(settings: Settings, selection: Selection, chosen: argparse.Namespace) -> ExitCode:
    # A relative time selects other letters as it passes, and a second run could not continue where the first
    # one stopped.
    for name in ("since", "until"):
        moment = getattr(chosen, name)
        if moment is not None and moment.relative:
            sys.stderr.write(f"personalize-worker: a replay needs an absolute time: --{name} {moment}\n")
            return ExitCode.MISCONFIGURED
    from worker.replay.opening import Plan  # noqa: PLC0415  half a second that the others can save
    from worker.replay.run import replay  # noqa: PLC0415  as above

    rate = chosen.calls_per_second
    return replay(settings, selection, Plan(chosen.dry_run, chosen.from_start, rate, chosen.wave))


def _letters(settings: Settings, selection: Selection) -> Iterator[Letter]:
    """Yield the selected letters, up to where they end now."""
    topic = open_letters(settings)
    progress, read, found, foreign = Progress(sys.stderr), 0, 0, 0
    try:
        topic.begin({number: selection.span(number, *span) for number, span in topic.spans().items()})
        while not topic.at_end:
            records = topic.read(_READ_AT_ONCE)
            read += len(records)
            for record in records:
                letter = open_letter(record)
                if letter is None:
                    foreign += 1
                elif selection.takes(letter):
                    found += 1
                    yield letter
            left = f"{topic.left():,} {topic.unit}to go"
            progress.show(f"read {read:,} dead letters, {found:,} match, {left}")
    finally:
        progress.end()
        topic.close()
        if foreign:
            sys.stderr.write(f"left out, because their headers name no position: {foreign:,} records\n")


def _fail(why: str) -> ExitCode:
    sys.stderr.write(f"personalize-worker: {why}\n")
    return ExitCode.FAILED
