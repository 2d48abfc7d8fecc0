"""Objects as JSON text: what was seen before changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import record
from tests.unit.core.mapping.mapping_records import MINIMAL, RESERVED
from worker.core.mapping import compile_mapping
from worker.core.model.records import Interaction, Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.records import Mapped, Reason, Record

KEYS = st.text("aUsErId", min_size=1, max_size=6) | st.sampled_from(sorted(RESERVED))
OBJECTS = st.dictionaries(KEYS, st.integers(0, 9) | st.text("a", max_size=400), max_size=4)


def judged(map_record: Callable[[Record], Mapped], properties: dict[str, object]) -> bytes | Reason:
    value = MINIMAL | {"eventId": "e", "properties": properties}
    outcome = map_record(record(value=json.dumps(value).encode()))
    assert isinstance(outcome, Interaction | Undecodable)
    return outcome.event if isinstance(outcome, Interaction) else outcome.reason


@given(st.lists(OBJECTS, max_size=12))
def test_an_object_is_never_judged_by_those_before_it(objects: list[dict[str, object]]) -> None:
    map_record = compile_mapping({})
    for each in objects:
        assert judged(map_record, each) == judged(compile_mapping({}), each)


def test_a_reserved_key_is_refused_however_many_others_came_before() -> None:
    map_record = compile_mapping({})
    for number in range(500):
        assert isinstance(judged(map_record, {f"key-{number}": 1}), bytes)
    assert not isinstance(judged(map_record, {"key-1": 1, "UserID": 2}), bytes)
