"""The page of presets says what their files say and what their mappings do, and leaves none out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.presets.page import about_preset, markdown
from worker.config import read_settings
from worker.config.presets import preset_names, read_preset

PAGE = Path(__file__).parents[2] / "docs" / "presets.md"


def test_the_page_of_presets_is_fresh() -> None:
    """If not: ``python -m tests.presets.page > docs/presets.md``."""
    assert PAGE.read_text(encoding="utf-8") == markdown()


def test_the_example_on_the_page_is_a_configuration(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(record:\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example
    path = tmp_path / "c.yaml"
    path.write_text(
        'kafka: {bootstrap_servers: "127.0.0.1:9092", topics: [interactions]}\n'
        f"personalize: {{tracking_id: t}}\ndead_letters: {{topic: dead}}\n{example[1]}"
    )
    mapping = read_settings(path, {}).record.mapping
    assert mapping["item_id"] == "properties.sku"
    assert mapping["event_id"] == "messageId"
    assert "keep" not in mapping


@pytest.mark.parametrize("name", preset_names())
def test_every_word_at_the_head_of_a_file_is_on_the_page(name: str) -> None:
    head = read_preset(name).text.partition("title:")[0].replace("#", " ").replace("- ", " ")
    about = about_preset(name)
    said = " ".join([about.what, about.source, about.event_types, *about.notes, *about.traps]).lower()
    missing = [word for word in head.lower().split() if word not in said and word not in {"traps:", "-"}]
    assert not missing
    assert about.source.startswith("Whose: ")
    assert about.event_types.startswith("Event types: ")
    assert about.traps
