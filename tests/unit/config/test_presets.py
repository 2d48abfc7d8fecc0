"""A preset completes the section ``record`` before it is validated; what the user wrote stands over it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from worker.config import ConfigError, read_settings, schema
from worker.config.names import sections
from worker.config.presets import complete_from_preset, preset_names, read_preset
from worker.config.raw_settings import RawSettings
from worker.settings.source import PRESETS

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
kafka: {bootstrap_servers: "127.0.0.1:9092", topics: [interactions]}
personalize: {tracking_id: abc}
dead_letters: {topic: dead}
"""
ENVIRONMENT = {
    "WORKER_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "WORKER_KAFKA__TOPICS": "interactions",
    "WORKER_PERSONALIZE__TRACKING_ID": "abc",
    "WORKER_DEAD_LETTERS__TOPIC": "dead",
}

every_preset = pytest.mark.parametrize("name", preset_names())


def completed(record: object) -> tuple[dict[str, Any], list[str]]:
    """The section as it is completed, and the mistakes."""
    raw = RawSettings()
    raw.sections["record"] = cast("dict[str, Any]", record)
    complete_from_preset(raw)
    return raw.sections["record"], [str(each) for each in raw.mistakes]


def test_what_the_user_gives_replaces_a_field_or_a_directive_and_the_rest_is_the_preset_s() -> None:
    own = {"item_id": "properties.sku", "user_id": None, "keep": [{"path": "a", "exists": True}]}
    section, mistakes = completed({"mapping": {"preset": "segment", **own}})
    assert not mistakes
    assert section["mapping"] == {**read_preset("segment").mapping, **own}


def test_a_directive_that_is_null_is_turned_off() -> None:
    section, _ = completed({"mapping": {"preset": "segment", "each": None, "keep": None}})
    assert section["mapping"].keys() == read_preset("segment").mapping.keys() - {"each", "keep"}


def test_other_keys_of_a_preset_are_defaults() -> None:
    mapping = {"preset": "snowplow_tsv"}
    section, _ = completed({"mapping": mapping, "placeholder_ids": ["guest"]})
    assert section["format"] == "tsv"
    assert len(section["columns"]) == 131
    assert section["placeholder_ids"] == ["guest"]
    section, _ = completed({"mapping": mapping, "format": "json", "columns": ["a"]})
    assert (section["format"], section["columns"]) == ("json", ["a"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sgment", "; did you mean segment?"),
        ("snowplow_tvs", "; did you mean snowplow_tsv?"),
        ("x", "; `personalize-worker presets` lists them"),
        (["segment"], "; `personalize-worker presets` lists them"),
        (7, "; `personalize-worker presets` lists them"),
        ("../segment", "; did you mean segment?"),
    ],
)
def test_an_unknown_preset_is_a_mistake_with_the_nearest_name(name: object, said: str) -> None:
    section, mistakes = completed({"mapping": {"preset": name, "item_id": "a"}})
    assert mistakes == [f"record.mapping.preset: is not a preset{said}"]
    assert section == {"mapping": {"item_id": "a"}}


def test_a_preset_that_is_null_is_none() -> None:
    assert completed({"mapping": {"preset": None, "item_id": "a"}}) == ({"mapping": {"item_id": "a"}}, [])


@given(
    st.dictionaries(
        st.sampled_from(["mapping", "format"]),
        st.none()
        | st.text()
        | st.lists(st.integers())
        | st.dictionaries(st.sampled_from(["preset", "each"]) | st.integers(), st.text() | st.none()),
    )
)
def test_whatever_is_given_it_does_not_raise(record: dict[str, object]) -> None:
    section, _ = completed(record)
    mapping = section.get("mapping")
    assert not isinstance(mapping, dict) or "preset" not in mapping


def test_it_works_from_the_file_with_places(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"{GOOD}record:\n  mapping:\n    preset: put_evnts\n    itemid: x\n")
    with pytest.raises(ConfigError) as caught:
        read_settings(path, {})
    said = {mistake.key: (mistake.reason, mistake.where) for mistake in caught.value.mistakes}
    assert said["record.mapping.preset"] == (
        "is not a preset; did you mean put_events?",
        f"{path}:6",
    )
    assert said["record.mapping.itemid"][1] == f"{path}:7"


@every_preset
def test_it_works_from_file_and_environment_alike(name: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"{GOOD}record: {{mapping: {{preset: {name}, user_id: mine}}}}\n")
    of_file = read_settings(path, {}).record
    whole = {"WORKER_RECORD__MAPPING": json.dumps({"preset": name, "user_id": "mine"})}
    by_entry = {"WORKER_RECORD__MAPPING__PRESET": name, "WORKER_RECORD__MAPPING__USER_ID": "mine"}
    assert read_settings(None, ENVIRONMENT | whole).record == of_file
    assert read_settings(None, ENVIRONMENT | by_entry).record == of_file
    assert of_file.mapping["user_id"] == "mine"


@every_preset
def test_what_is_printed_to_be_copied_means_the_same(name: str, tmp_path: Path) -> None:
    copied, named = tmp_path / "copied.yaml", tmp_path / "named.yaml"
    copied.write_text(GOOD + read_preset(name).as_section())
    named.write_text(f"{GOOD}record: {{mapping: {{preset: {name}}}}}\n")
    assert read_settings(copied, {}).record == read_settings(named, {}).record


def test_the_schema_offers_every_preset_and_no_other() -> None:
    assert preset_names() == PRESETS
    record = json.loads(schema())["$defs"]["RecordSettings"]["properties"]
    assert record["mapping"]["properties"]["preset"]["enum"] == list(PRESETS)


@every_preset
def test_a_file_has_a_title_how_it_is_recognised_and_keys_of_the_section(name: str) -> None:
    preset = read_preset(name)
    assert yaml.safe_load(preset.text).keys() >= {"title", "match", "mapping"}
    assert len(preset.title) <= 60
    assert preset.match
    assert "preset" not in preset.mapping
    assert preset.record.keys() <= sections()["record"].keys()


@every_preset
def test_a_file_says_whose_shape_it_is_what_it_was_checked_against_and_its_traps(name: str) -> None:
    text = read_preset(name).text
    head = text.partition("title:")[0]
    assert all(line.startswith("# ") for line in head.splitlines())
    for word in ("Whose:", "Specification:", "Checked 20", "Event types:", "Traps"):
        assert word in head, word
    assert max(map(len, text.splitlines())) <= 132
