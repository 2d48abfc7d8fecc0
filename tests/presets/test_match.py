"""By its ``match``, a preset recognises its own samples, and better than any other preset does."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.presets.cases import samples_of
from worker.config.presets import preset_names, read_preset
from worker.core.mapping import compile_mapping
from worker.core.model.records import Interaction
from worker.formats import delimited, json

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.presets.cases import Sample

TSV = "snowplow_tsv"


@cache
def recogniser(preset: str) -> Callable[[Sample], bool]:
    """Whether a sample holds all that the preset's ``match`` names; its paths are those of the language."""
    given = read_preset(preset)
    rules = [
        {"path": path, **({"exists": True} if value is None else {"equals": value})}
        for path, value in given.match.items()
    ]
    columns = given.record.get("columns", ())
    assert isinstance(columns, list | tuple)
    map_record = compile_mapping(
        {"event_type": {"value": "x"}, "sent_at": "$timestamp", "session_id": {"value": "s"}, "keep": rules},
        record_format=delimited.tsv_format(columns) if columns else json.decoder.compile_json_decoder,
    )
    return lambda sample: isinstance(map_record(sample.record()), Interaction)


@pytest.mark.parametrize("preset", preset_names())
def test_a_preset_recognises_samples_of_its_own_best(preset: str) -> None:
    fits = {
        other: sum(map(recogniser(other), samples_of(preset)))
        for other in preset_names()
        if (other == TSV) == (preset == TSV)
    }
    best = max(fits, key=lambda other: (fits[other], len(read_preset(other).match)))
    assert fits[preset] > 0
    assert best == preset, fits
