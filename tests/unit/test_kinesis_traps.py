"""docs/kinesis-traps.md names tests that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs/kinesis-traps.md").read_text()
TRAPS: Final = 26
ROWS = re.findall(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


def functions(file: Path) -> set[str]:
    """The names of the file's functions; none of a file that is not there."""
    if not file.is_file():
        return set()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {each.name for each in ast.parse(file.read_bytes()).body if isinstance(each, kinds)}


def test_each_trap_has_its_row_and_names_a_test_or_says_that_there_is_none() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, TRAPS + 1))
    held = [by.split("<br>") for *_, by in ROWS]
    assert all(by == ["none"] or all(re.fullmatch(r"`tests/[^`]+::\w+`", each) for each in by) for by in held)


def test_the_tests_that_are_named_are_there() -> None:
    names = {file: functions(PROJECT / file) for file, _ in NAMED}
    assert [f"{file}::{test}" for file, test in NAMED if test not in names[file]] == []
