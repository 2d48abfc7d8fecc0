"""Mistakes of those who come from another tool: each is told what it is called here."""

from __future__ import annotations

from typing import Any

import pytest

from worker.core.mapping import MappingError, compile_mapping
from worker.core.mapping.grammar.filters import OPERATORS
from worker.core.mapping.grammar.mapping import DIRECTIVES
from worker.core.mapping.other_words import meant_by
from worker.core.mapping.times import UNITS
from worker.core.operations.put_events import PUT_EVENTS


def mistakes(**mapping: Any) -> list[str]:
    with pytest.raises(MappingError) as error:
        compile_mapping(mapping)
    return [mistake.reason for mistake in error.value.mistakes]


@pytest.mark.parametrize(
    ("mapping", "meant"),
    [
        ({"timestamp": "a"}, "sent_at"),
        ({"productId": "a"}, "item_id"),
        ({"forEach": "a"}, "each"),
        ({"filter": []}, "keep"),
        ({"sent_at": {"path": "a", "unit": "ms"}}, "milliseconds"),
        ({"sent_at": {"path": "a", "format": "%Y"}}, "pattern"),
        ({"item_id": {"field": "a"}}, "path"),
        ({"drop": [{"path": "a", "gte": 1}]}, "at_least"),
        ({"drop": [{"path": "a", "==": 1}]}, "equals"),
    ],
)
def test_a_word_of_another_tool_is_answered_by_ours(mapping: dict[str, Any], meant: str) -> None:
    assert any(f"did you mean `{meant}`?" in reason for reason in mistakes(**mapping))


@pytest.mark.parametrize("known", [[field.name for field in PUT_EVENTS.fields], DIRECTIVES, UNITS, OPERATORS])
def test_nothing_is_meant_that_is_not_known_there(known: list[str]) -> None:
    assert meant_by("timestamp", known) in (*known, None)
    assert meant_by("nothing of the kind", known) is None
    assert meant_by(None, known) is None


@pytest.mark.parametrize("written", ["$.head.no", ".head.no", "${head.no}", "$head.no", "head[no"])
def test_a_path_of_another_language_is_answered_by_ours(written: str) -> None:
    (reason,) = mistakes(item_id=written)
    assert ("did you mean `head.no`?" in reason) == (written != "head[no")


@pytest.mark.parametrize("written", ["lines[].sku", "$.lines[].sku", "lines[*]sku"])
def test_so_is_one_through_an_array(written: str) -> None:
    assert "did you mean `lines[*].sku`?" in mistakes(item_id=written)[0]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("dd.MM.yyyy HH:mm:ss", "%d.%m.%Y %H:%M:%S"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "%Y-%m-%dT%H:%M:%S.%f%z"),
        ("MM/dd/yy hh:mm a", "%m/%d/%y %I:%M %p"),
        ("yesterday", "%d/%m/%Y %H:%M:%S"),
        (5, "%d/%m/%Y %H:%M:%S"),
    ],
)
def test_a_pattern_of_java_is_answered_by_that_of_strptime(written: object, meant: str) -> None:
    assert any(f'"{meant}"' in reason for reason in mistakes(sent_at={"path": "a", "pattern": written}))
