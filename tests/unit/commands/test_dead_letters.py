"""The command line of ``dead-letters``."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from worker.cli import main
from worker.commands.dead_letters_arguments import Moment, add_dead_letters

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
kafka: {bootstrap_servers: '127.0.0.1:9', topics: [a]}
personalize: {tracking_id: t}
dead_letters: {topic: d}
"""


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_dead_letters(parser.add_subparsers().add_parser("dead-letters"))
    return parser.parse_args(["dead-letters", *words])


@pytest.mark.parametrize("command", ["list", "show", "export", "replay"])
def test_all_four_take_all_filters(command: str) -> None:
    words = (
        "--reason a --reason b --since 2026-01-01 --until 2026-01-02T00:00:00+01:00 --topic t --partition 3"
    )
    chosen = parse(command, *words.split(), "--offsets", "5..9", "--letter", "1:2", "--exhausted")
    assert (chosen.reason, chosen.topic, chosen.partition) == (["a", "b"], "t", 3)
    assert (chosen.offsets, chosen.letter, chosen.exhausted) == ((5, 9), [(1, 2)], True)
    assert str(chosen.since) == "2026-01-01T00:00:00Z"
    assert str(chosen.until) == "2026-01-01T23:00:00Z"


@pytest.mark.parametrize(("text", "seconds"), [("45s", 45), ("30m", 1800), ("2h", 7200), ("3d", 259_200)])
def test_a_time_may_be_said_as_so_long_ago(text: str, seconds: int) -> None:
    moment: Moment = parse("list", "--since", text).since
    assert moment.relative
    assert moment.seconds == pytest.approx(datetime.now(UTC).timestamp() - seconds, abs=30)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("lsit",),
        ("list", "--since", "yesterday"),
        ("list", "--since", "999999999d"),
        ("list", "--since", "0001-01-01T00:00:00+14:00"),
        ("list", "--until", "9999-12-31T23:59:59-14:00"),
        ("list", "--offsets", "9..5"),
        ("list", "--offsets", "5"),
        ("list", "--letter", "5"),
        ("list", "--partition", "-1"),
        ("show", "--limit", "0"),
        ("replay", "--calls-per-second", "0"),
        ("replay", "--calls-per-second", "many"),
        ("replay", "--wave", "0"),
    ],
)
def test_a_wrong_command_line_exits_2(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dead-letters", *words])
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_wrong_configuration_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dead-letters", "list", "--config", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err


def test_a_replay_wants_the_time_itself_and_says_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With another time tomorrow it could not go on where it stopped today."""
    (tmp_path / "c.yaml").write_text(CONFIG)
    words = ["dead-letters", "replay", "--since", "2h", "--config", str(tmp_path / "c.yaml")]
    assert main(words) == 2
    assert "a replay needs an absolute time: --since 20" in capsys.readouterr().err


def test_an_export_writes_over_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG)
    words = ["dead-letters", "export", "--output", str(tmp_path / "c.yaml")]
    assert main([*words, "--config", str(tmp_path / "c.yaml")]) == 1
    assert "c.yaml: File exists" in capsys.readouterr().err
    assert (tmp_path / "c.yaml").read_text() == CONFIG
