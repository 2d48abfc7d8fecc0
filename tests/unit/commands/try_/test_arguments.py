"""The command line of ``try``."""

from __future__ import annotations

import argparse

import pytest

from worker.cli import main
from worker.commands.try_arguments import AtOffset, AtTime, add_try


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_try(parser.add_subparsers().add_parser("try"))
    return parser.parse_args(["try", *words])


def test_it_is_the_newest_unless_somebody_says_otherwise() -> None:
    assert parse().start == "newest"
    assert parse("--oldest").start == "oldest"
    assert parse("--at", "3:17").start == AtOffset(3, 17)
    assert parse("--at", "2026-01-01").start == AtTime(1_767_225_600_000)
    assert parse("--at", "2026-01-01T01:00:00.5+01:00").start == AtTime(1_767_225_600_500)


def test_a_dead_letter_is_named_by_its_position_or_is_the_newest() -> None:
    assert parse().dead_letter is None
    assert parse("--dead-letter").dead_letter == "newest"
    assert parse("--dead-letter", "0:5").dead_letter == AtOffset(0, 5)


@pytest.mark.parametrize(
    "words",
    [
        ("--at", "yesterday"),
        ("--at", "9999-12-31T23:59:59-14:00"),
        ("--at", "x:1"),
        ("--newest", "--oldest"),
        ("--oldest", "--file", "f"),
        ("--dead-letter", "5"),
        ("--records", "0"),
        ("--summary", "1000001"),
        ("--suggest", "--summary", "5"),
    ],
)
def test_a_wrong_command_line_exits_2(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["try", *words])
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err
