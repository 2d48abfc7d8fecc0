"""What a command gives besides file and environment: values that stand in, and values that go over all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.config import ConfigError, Override, read_settings, read_yaml

if TYPE_CHECKING:
    from pathlib import Path

STAND_INS: dict[str, dict[str, object]] = {
    "kafka": {"bootstrap_servers": "127.0.0.1:1", "topics": ["records"]},
    "personalize": {"tracking_id": "none"},
    "dead_letters": {"topic": "letters"},
}


def test_what_stands_in_gives_way_to_file_and_environment(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("kafka: {topics: [clicks]}\n")
    settings = read_settings(tmp_path / "c.yaml", {"WORKER_DEAD_LETTERS__TOPIC": "mine"}, stand_ins=STAND_INS)
    assert settings.kafka.topics == ("clicks",)
    assert settings.kafka.bootstrap_servers == "127.0.0.1:1"
    assert settings.dead_letters.topic == "mine"


def test_the_command_line_goes_over_both(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("record: {mapping: {item_id: a, user_id: b}}\n")
    given = Override("record", "mapping", {"item_id": "c"}, "--mapping")
    environ = {"WORKER_RECORD__MAPPING": '{"item_id": "d"}'}
    settings = read_settings(tmp_path / "c.yaml", environ, stand_ins=STAND_INS, overrides=[given])
    assert settings.record.mapping == {"item_id": "c"}


def test_a_preset_of_the_command_line_is_completed() -> None:
    given = Override("record", "mapping", {"preset": "segment"}, "--preset")
    assert (
        read_settings(None, {}, stand_ins=STAND_INS, overrides=[given]).record.mapping["event_type"]
        == "event"
    )


def test_a_mistake_on_the_command_line_names_its_option() -> None:
    given = Override("record", "mapping", {"itemid": "c"}, "--mapping m.yaml")
    with pytest.raises(ConfigError) as refused:
        read_settings(None, {}, stand_ins=STAND_INS, overrides=[given])
    (mistake,) = refused.value.mistakes
    assert (mistake.key, mistake.where) == ("record.mapping.itemid", "--mapping m.yaml")


def test_yaml_is_read_as_it_is_and_a_key_that_occurs_twice_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [1, {b: x}]\n")
    assert read_yaml(tmp_path / "a.yaml") == {"a": [1, {"b": "x"}]}
    (tmp_path / "b.yaml").write_text("a: 1\na: 2\n")
    with pytest.raises(ConfigError, match="occurs twice, on lines 1 and 2"):
        read_yaml(tmp_path / "b.yaml")
