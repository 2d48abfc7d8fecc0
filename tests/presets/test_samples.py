"""What each preset makes of the samples of its specification."""

from __future__ import annotations

import json

import pytest

from tests.presets.cases import (
    SAMPLES,
    Sample,
    call_of,
    mapping_of,
    outcomes_of,
    samples,
    samples_of,
    shown,
)
from tests.support.builders import record
from worker.config.presets import preset_names
from worker.core.mapping import TOMBSTONE
from worker.core.model.records import Interaction, Skipped, Undecodable
from worker.local.rules import violation

every_sample = pytest.mark.parametrize("sample", samples(), ids=str)
every_preset = pytest.mark.parametrize("preset", preset_names())


@every_sample
def test_a_sample_becomes_what_stands_beside_it(sample: Sample) -> None:
    mapped = mapping_of(sample.preset)(sample.record())
    assert [shown(each) for each in outcomes_of(mapped)] == sample.outcomes


@every_sample
def test_the_api_takes_what_becomes_of_a_sample(sample: Sample) -> None:
    for outcome in outcomes_of(mapping_of(sample.preset)(sample.record())):
        if isinstance(outcome, Interaction):
            assert violation(call_of(outcome)) is None


@every_preset
def test_a_preset_has_samples_of_what_it_sends_and_of_what_it_does_not(preset: str) -> None:
    kinds = {next(iter(each)) for sample in samples_of(preset) for each in sample.outcomes}
    assert len(samples_of(preset)) >= 3
    assert "sessionId" in kinds
    assert kinds & {"dead_letter", "skipped"}


@every_preset
def test_no_two_events_of_a_record_share_an_id(preset: str) -> None:
    for sample in samples_of(preset):
        ids = [each["event"]["eventId"] for each in sample.outcomes if "event" in each]
        assert len(set(ids)) == len(ids), sample


@every_preset
def test_a_tombstone_is_skipped(preset: str) -> None:
    skipped = mapping_of(preset)(record(value=None))
    assert isinstance(skipped, Skipped)
    assert skipped.rule == TOMBSTONE


@every_preset
def test_an_empty_object_is_no_event(preset: str) -> None:
    value = b"\t" * 130 if preset == "snowplow_tsv" else b"{}"
    (outcome,) = outcomes_of(mapping_of(preset)(record(value=value)))
    assert isinstance(outcome, Undecodable | Skipped)


@every_preset
def test_no_sample_lacks_its_value_or_belongs_to_nothing(preset: str) -> None:
    files = {each.name for each in (SAMPLES / preset).iterdir()}
    names = {each.name for each in samples_of(preset)}
    assert {each.partition(".")[0] for each in files} == names
    assert {each.name for each in SAMPLES.iterdir()} == set(preset_names())


def test_each_preset_dead_letters_the_other_presets_samples_or_takes_them_rightly() -> None:
    """Whatever a preset makes of a record of another shape, the API takes."""
    for preset in preset_names():
        map_record = mapping_of(preset)
        for sample in samples():
            for outcome in outcomes_of(map_record(sample.record())):
                if isinstance(outcome, Interaction):
                    assert violation(call_of(outcome)) is None, (preset, sample)


def test_64_bit_ids_keep_every_digit() -> None:
    (sample,) = (each for each in samples_of("mparticle") if each.name == "nested")
    found = outcomes_of(mapping_of("mparticle")(sample.record()))
    interactions = [each for each in found if isinstance(each, Interaction)]
    assert {each.user_id for each in interactions} == {"7346244611012968789"}
    assert json.loads(interactions[-1].event)["eventId"] == "6004677780660780002"
