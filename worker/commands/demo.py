"""``personalize-worker demo``: made-up records, or one's own, through the real worker without Kafka and AWS.

Exit codes, with a file: 0, each record was delivered, became a dead letter or was left out by a rule, and
some event was accepted; 1, otherwise; 2, the configuration is wrong.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from worker.commands.mistakes import print_mistakes
from worker.commands.try_.file_records import file_records
from worker.commands.try_.sampled import CannotRead
from worker.commands.try_.setup import BESIDE_FILE, read_setup
from worker.commands.try_.verdict import verdict
from worker.config import ConfigError
from worker.local.kafka import KafkaUnavailable
from worker.local.rehearsal import rehearse
from worker.runtime.exit_codes import ExitCode
from worker.telemetry.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from worker.local.rehearsal import Rehearsed

_SHOWN_REASONS: Final = 10
_NEXT: Final = """\
Look at single records with `try`; with your own Kafka, `personalize-worker endpoint` takes the place of AWS.
"""


def show_demo(chosen: argparse.Namespace, environ: Mapping[str, str]) -> ExitCode:
    """Deliver made-up records, or a file's; say what became of them, and return the exit code."""
    if chosen.file is None:
        return _made_up(chosen)
    if chosen.kinesis:
        sys.stderr.write("personalize-worker demo: --kinesis is for made-up records, without --file\n")
        return ExitCode.MISCONFIGURED
    try:
        return _run(chosen, environ)
    except ConfigError as error:
        print_mistakes(error, chosen.config, todo=BESIDE_FILE)
        return ExitCode.MISCONFIGURED
    except (CannotRead, KafkaUnavailable) as error:
        sys.stderr.write(f"personalize-worker: {error}\n")
        return ExitCode.FAILED


def _made_up(chosen: argparse.Namespace) -> ExitCode:
    for option in ("config", "preset", "mapping", "format"):
        if getattr(chosen, option) is not None:
            sys.stderr.write(f"personalize-worker demo: --{option} is for records of your own: --file F\n")
            return ExitCode.MISCONFIGURED
    from worker.local.demo import run_demo  # noqa: PLC0415  only where it is wanted

    return run_demo(seed=chosen.seed, records=chosen.records, kinesis=chosen.kinesis)


def _run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> ExitCode:
    settings = read_setup(chosen, environ)
    if settings.schema_registry.url:
        what, why = "schema_registry.url", "the demo asks no registry; let record.schema_file name the schema"
        raise CannotRead(what, why)
    record = settings.record
    lines = file_records(chosen.file, record.format, int(time.time() * 1000), record.columns)
    records = [each.record for each in islice(lines, chosen.records)]
    if not records:
        return verdict(0, 0, chosen.file)
    sys.stdout.write(f"{len(records):,} records of {chosen.file}, all on this machine.\n\n")
    section = msgspec.to_builtins(record, str_keys=True)
    progress = Progress(sys.stdout)
    with tempfile.TemporaryDirectory(prefix="personalize-worker-") as folder:
        rehearsed = asyncio.run(rehearse(records, section, Path(folder), progress))
    progress.end()
    sys.stdout.writelines(f"{line}\n" for line in _lines(rehearsed))
    if rehearsed.unsettled:
        sys.stdout.write(f"\nThe end of the worker's log:\n{rehearsed.last_lines}\n")
    is_well = not rehearsed.unsettled and rehearsed.summary.accepted_events > 0
    return ExitCode.OK if is_well else ExitCode.FAILED


def _lines(rehearsed: Rehearsed) -> Iterator[str]:
    summary = rehearsed.summary
    yield f"accepted: {summary.accepted_events:,} events in {summary.accepted_calls:,} calls"
    refused = {code: count for code, count in summary.outcomes.items() if code != "accepted"}
    if refused:
        yield f"refused: {', '.join(f'{count:,} {code}' for code, count in sorted(refused.items()))}"
    letters = sorted(rehearsed.letters.items(), key=lambda each: -each[1])
    yield f"dead letters: {sum(rehearsed.letters.values()):,}"
    for (kind, text), count in letters[:_SHOWN_REASONS]:
        yield f"  {count:,} {kind}: {text}"
    if (more := len(letters) - _SHOWN_REASONS) > 0:
        yield f"  and {more:,} more reasons"
    if rehearsed.unsettled:
        yield f"NOT DELIVERED: {rehearsed.unsettled:,} records"
    else:
        yield "Nothing is left: what was not delivered is a dead letter, or was left out by a rule."
    yield ""
    yield _NEXT.rstrip()
