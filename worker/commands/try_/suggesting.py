"""``try --suggest``: a first mapping for the records that are there. The YAML goes to standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from worker.commands.try_.advice import on_undecoded
from worker.commands.try_.decoding import document_decoder
from worker.commands.try_.mappings import compiler
from worker.commands.try_.verdict import verdict
from worker.config.presets import preset_names, read_preset
from worker.settings import RecordSettings
from worker.suggest import suggest
from worker.suggest.presets import Recognisable, best_fits
from worker.suggest.writing import write

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from worker.commands.try_.schema_fetching import SchemaFetching
    from worker.commands.try_.sources import Sample
    from worker.core.model.records import Record
    from worker.runtime.exit_codes import ExitCode
    from worker.settings import Settings

_PLAIN: Final = RecordSettings()


def suggest_mapping(
    settings: Settings, chosen: argparse.Namespace, fetching: SchemaFetching, records: Sample
) -> ExitCode:
    """Read a sample, write the mapping, and return the exit code."""
    decode = document_decoder(settings.record, fetching)
    sample: list[tuple[Record, Mapping[str, object]]] = []
    read, first_left_out = 0, ""
    for each in records.records:
        read += 1
        document = decode(each.record)
        if isinstance(document, dict):
            sample.append((each.record, document))
        elif document is not None:
            seems = "; ".join([document, *on_undecoded(each.record.value or b"")])
            first_left_out = first_left_out or f"; the first, {each.at}: {seems}"
    if read > len(sample):
        what = f"tombstones, or not {settings.record.format}, which record.format says{first_left_out}"
        sys.stderr.write(f"personalize-worker: left out {read - len(sample):,} of {read:,} records: {what}\n")
    if not sample:
        return verdict(read, 0, chosen.file)
    compile_ = compiler(settings, fetching)
    suggestion = suggest(sample, compile_)
    fits = best_fits(_presets(settings), [record for record, _ in sample], compile_)
    text = write(
        suggestion,
        sample=records.name,
        documents=len(sample),
        fits=fits,
        record_format=_format_keys(settings),
    )
    sys.stdout.write(text)
    sys.stdout.flush()
    todo = "put it under `record:`, or look at it with: personalize-worker try --mapping FILE"
    mapped = suggestion.verdict.records
    lacks = "; it says NOT FOUND where something is yet to be named" if "NOT FOUND" in text else ""
    sys.stderr.write(f"personalize-worker: {mapped:,} of {len(sample):,} records map{lacks}; {todo}\n")
    return verdict(len(sample), mapped, chosen.file)


def _format_keys(settings: Settings) -> dict[str, object]:
    """Return the keys without which the next command could not read the records; none for plain JSON."""
    keys = ("format", "schema_file", "message", "columns", "delimiter")
    given = {key: getattr(settings.record, key) for key in keys}
    return {key: value for key, value in given.items() if value != getattr(_PLAIN, key)}


def _presets(settings: Settings) -> Iterator[Recognisable]:
    """Yield the presets for records of the configured format."""
    for name in preset_names():
        preset = read_preset(name)
        if preset.record.get("format", "json") == settings.record.format:
            yield Recognisable(name, preset.title, preset.match)
