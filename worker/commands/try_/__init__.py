"""The ``try`` command: what would become of records, without sending anything.

What was asked for goes to standard output; progress, advice and errors to standard error. It shows user data,
because that is what it is asked for, and nothing of that goes into a log.

Exit codes: 0; 1, records were read and none of them maps, or they can't be read; 2, the command line or the
configuration is wrong.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Final

from worker.commands.mistakes import print_mistakes
from worker.commands.try_.colours import paint_for
from worker.commands.try_.decoding import document_decoder
from worker.commands.try_.reporting import Tried, as_json, as_text
from worker.commands.try_.sampled import CannotRead
from worker.commands.try_.setup import BESIDE_FILE, read_setup
from worker.commands.try_.sources import in_order, open_sample
from worker.commands.try_.verdict import verdict
from worker.config import NO_FILE, ConfigError
from worker.runtime.exit_codes import ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from worker.commands.try_.schema_fetching import SchemaFetching
    from worker.settings import Settings

_FEW: Final = 5
_SAMPLE: Final = 1_000
_WITHOUT_CONFIG: Final = f"{NO_FILE}; with --file F, the records of a file are tried without Kafka"


def run_try(chosen: argparse.Namespace, environ: Mapping[str, str]) -> ExitCode:
    """Do what the command line says, and return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Records contain arbitrary text, and some terminals can't show all of it.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return _run(chosen, environ)
    except ConfigError as error:
        print_mistakes(error, chosen.config, todo=_WITHOUT_CONFIG if chosen.file is None else BESIDE_FILE)
        return ExitCode.MISCONFIGURED
    except CannotRead as error:
        sys.stderr.write(f"personalize-worker: {error}\n")
        return ExitCode.FAILED


def _run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> ExitCode:
    settings = read_setup(chosen, environ)
    from worker.commands.try_.schema_fetching import schema_fetching  # noqa: PLC0415  a mistake need not wait

    with schema_fetching(settings) as fetching:
        if chosen.suggest:
            from worker.commands.try_.suggesting import suggest_mapping  # noqa: PLC0415  only where it is wanted

            sample = open_sample(settings, chosen, chosen.records or _SAMPLE)
            return suggest_mapping(settings, chosen, fetching, sample)
        if chosen.summary is not None:
            from worker.commands.try_.summarising import summarise  # noqa: PLC0415  as above

            return summarise(settings, chosen, fetching, open_sample(settings, chosen, chosen.summary))
        return _show(settings, chosen, fetching, environ)


def _show(
    settings: Settings, chosen: argparse.Namespace, fetching: SchemaFetching, environ: Mapping[str, str]
) -> ExitCode:
    from worker.commands.try_.mappings import compiler  # noqa: PLC0415  as above

    map_record = compiler(settings, fetching)(settings.record.mapping)
    decode = document_decoder(settings.record, fetching)
    paint = paint_for(sys.stdout, environ)
    count = mapped = 0
    for sampled in in_order(open_sample(settings, chosen, chosen.records or _FEW), chosen):
        tried = Tried(sampled, decode(sampled.record), map_record(sampled.record))
        if chosen.json:
            sys.stdout.write(as_json(tried).decode() + "\n")
        else:
            sys.stdout.write("\n" * (count > 0) + as_text(tried, settings.record.mapping, paint))
        count += 1
        mapped += tried.maps
    return verdict(count, mapped, chosen.file)
