"""Every example of docs/mapping.md is compiled and run: the page shows what really comes of its records."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from msgspec import Struct

from tests.support.builders import record
from worker.core.mapping import compile_mapping
from worker.core.mapping.grammar.fields import KINDS
from worker.core.mapping.grammar.filters import OPERATORS
from worker.core.mapping.grammar.mapping import DIRECTIVES
from worker.core.mapping.times import UNITS
from worker.core.model.records import FanOut, Interaction, Skipped
from worker.core.operations.put_events import PUT_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[4] / "docs/mapping.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
ENDS = ("event", "skipped")


class Example(Struct):
    """A mapping, a record, and what comes of it."""

    yaml: str = ""
    json: str = ""
    key: str = ""
    event: str = ""
    skipped: str = ""


def examples() -> Iterator[Example]:
    """Each begins with its mapping and ends with what comes of its record."""
    example = Example()
    for kind, text in BLOCK.findall(PAGE):
        setattr(example, kind, text.strip())
        if kind in ENDS:
            yield example
            example = Example()


def shown(outcome: object) -> str | dict[str, Any]:
    if isinstance(outcome, Skipped):
        return f"skipped: {outcome.rule}"
    assert isinstance(outcome, Interaction), outcome
    call = {"sessionId": outcome.session_id} | ({"userId": outcome.user_id} if outcome.user_id else {})
    return call | json.loads(outcome.event)


def expected(example: Example) -> list[str | dict[str, Any]]:
    if example.skipped:
        return [f"skipped: {example.skipped}"]
    # An event may take several lines: those that go on are indented.
    lines = re.sub(r"\n +", " ", example.event).splitlines()
    return [line if line.startswith("skipped:") else json.loads(line) for line in lines]


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.yaml.split("\n")[1].strip())
def test_what_an_example_shows_is_what_comes_of_it(example: Example) -> None:
    mapping = yaml.safe_load(example.yaml)["mapping"]
    given = record(value=example.json.encode(), key=example.key.encode() or None)
    outcome = compile_mapping(mapping)(given)
    found = [shown(each) for each in (outcome.outcomes if isinstance(outcome, FanOut) else (outcome,))]
    for each, wanted in zip(found, expected(example), strict=True):
        # The page leaves out ids that are derived from the record's position.
        if isinstance(each, dict) and isinstance(wanted, dict) and "eventId" not in wanted:
            del each["eventId"]
        assert each == wanted


def test_the_page_names_every_word_of_the_language() -> None:
    words = [*(field.name for field in PUT_EVENTS.fields), *KINDS, *DIRECTIVES, *UNITS, *OPERATORS]
    modifiers = ["separator", "pattern", "absent", "values", "otherwise", "split", "too_long", "leave_out"]
    assert [word for word in [*words, *modifiers] if not re.search(rf"\b{word}\b", PAGE)] == []
