"""``personalize-worker presets``: the list, and one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.cli import main
from worker.config.presets import preset_names, read_preset

if TYPE_CHECKING:
    import pytest


def test_the_list_names_each_with_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    shown = capsys.readouterr().out
    for name in preset_names():
        assert any(
            line.startswith(f"{name} ") and line.endswith(read_preset(name).title)
            for line in shown.splitlines()
        )
    assert "record: {mapping: {preset: NAME}}" in shown


def test_one_is_printed_to_be_copied(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "segment"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("record:\n  # A track call of Twilio Segment")
    assert shown.endswith("    event_attribution_source: null\n")
    assert "title" not in shown
    assert "match" not in shown


def test_an_unknown_one_exits_2_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "sgment"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "personalize-worker: no such preset; did you mean segment?\n"
