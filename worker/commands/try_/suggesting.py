"""``try --suggest``: a first mapping for the records that are there. The YAML goes to standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from worker.commands.try_.decoding import document_decoder
from worker.commands.try_.mappings import compiler
from worker.commands.try_.schema_fetching import SchemaFetching
from worker.commands.try_.verdict import verdict
from worker.config.presets import preset_names, read_preset
from worker.suggest import suggest
from worker.suggest.presets import Recognisable, best_fits
from worker.suggest.writing import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.commands.try_.sources import Sample
    from worker.core.model.records import Record
    from worker.runtime.exit_codes import ExitCode
    from worker.settings import Settings


def suggest_mapping(settings: Settings, records: Sample) -> ExitCode:
    """Read a sample, write the mapping, and return the exit code."""
    fetching = SchemaFetching()
    decode = document_decoder(settings.record, fetching)
    sample: list[tuple[Record, Mapping[str, object]]] = []
    read = 0
    for each in records.records:
        read += 1
        document = decode(each.record)
        if isinstance(document, dict):
            sample.append((each.record, document))
    if read > len(sample):
        what = "tombstones, or not in this format: see `try` without --suggest, and record.format"
        sys.stderr.write(f"personalize-worker: left out {read - len(sample):,} of {read:,} records: {what}\n")
    if not sample:
        return verdict(read, 0)
    compile_ = compiler(settings, fetching)
    suggestion = suggest(sample, compile_)
    fits = best_fits(_presets(settings), [record for record, _ in sample], compile_)
    text = write(suggestion.plan, suggestion.verdict, sample=records.name, documents=len(sample), fits=fits)
    sys.stdout.write(text)
    sys.stdout.flush()
    todo = "put it under `record:`, or look at it with: personalize-worker try --mapping FILE"
    mapped = suggestion.verdict.records
    sys.stderr.write(f"personalize-worker: {mapped:,} of {len(sample):,} records map; {todo}\n")
    return verdict(len(sample), mapped)


def _presets(settings: Settings) -> Iterator[Recognisable]:
    """Yield the presets for records of the configured format."""
    for name in preset_names():
        preset = read_preset(name)
        if preset.record.get("format", "json") == settings.record.format:
            yield Recognisable(name, preset.title, preset.match)
