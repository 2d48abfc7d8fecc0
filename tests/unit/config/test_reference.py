"""The page of the configuration names every key, and the variables that it names are read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from worker.config import known_keys
from worker.config.environment import read_environment
from worker.config.names import TOP
from worker.config.raw_settings import RawSettings
from worker.config.reference import kind, markdown

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
ROWS = re.findall(r"^\| `([a-z_.]+)` \|.*\| `(WORKER_\w+)` \|$", markdown(), re.MULTILINE)


def test_the_page_of_the_configuration_is_fresh() -> None:
    """If not: ``python -m worker.config.reference > docs/configuration.md``."""
    assert PAGE.read_text() == markdown()


def test_every_key_has_its_row() -> None:
    assert tuple(key for key, _ in ROWS) == known_keys()


@pytest.mark.parametrize(("key", "variable"), ROWS)
def test_the_variable_beside_a_key_sets_it(key: str, variable: str) -> None:
    given = RawSettings()
    read_environment({variable: "{}"}, given)
    section, _, name = key.rpartition(".")
    assert not given.mistakes
    assert name in given.sections[section or TOP]


def test_a_type_says_its_limits_and_its_choices() -> None:
    assert kind({"type": "number", "exclusiveMinimum": 0, "maximum": 300}) == "number, above 0, at most 300"
    assert kind({"enum": ["a", "b"]}) == '`"a"` or `"b"`'
    assert (
        kind({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]})
        == "integer, at least 1, or null"
    )


def test_every_default_is_json() -> None:
    for found in re.findall(r"^\|[^|]*\|[^|]*(?:\\\|[^|]*)*\| `([^`]*)` \|", markdown(), re.MULTILINE):
        json.loads(found)
