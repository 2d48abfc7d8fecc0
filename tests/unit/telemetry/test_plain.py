from __future__ import annotations

import json
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.model.partition import Partition
from worker.core.model.records import Record
from worker.core.offsets.assignment import Assignment
from worker.telemetry.plain import MAX_CHARACTERS, MAX_EXCEPTIONS, MAX_FRAMES, exceptions, plain

MARKED = "user-4711"

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(object),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.sets(st.text()),
    max_leaves=10,
)


def raised(error: BaseException) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def told(error: BaseException) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", exceptions(error))


@given(anything)
def test_whatever_is_logged_can_be_written(value: object) -> None:
    json.loads(msgspec.json.encode(plain(value)))


@pytest.mark.parametrize(
    "value",
    [
        Record(Assignment(Partition("t", 0), 1), 0, 0, MARKED.encode(), MARKED.encode(), ()),
        ValueError(MARKED),
        MARKED.encode(),
        {"deep": [ValueError(MARKED)]},
    ],
)
def test_an_object_is_never_written_only_its_type(value: object) -> None:
    assert MARKED not in json.dumps(plain(value))


def test_plain_values_stay_as_they_are() -> None:
    value = {"a": [1, 2.5, True, None, "x"], "b": {"c": "d"}}
    assert plain(value) == value


def test_half_characters_and_long_texts_do_not_break_a_line() -> None:
    assert plain("a\udce4") == "a\\udce4"
    assert plain("x" * 5000) == "x" * MAX_CHARACTERS
    assert plain(2**80) == str(2**80)


def test_an_exception_is_told_by_type_and_place_without_its_words() -> None:
    local = MARKED
    error = raised(ValueError(f"no such user: {local}"))
    error.add_note(MARKED)
    (told_error,) = told(error)
    assert told_error["type"] == "ValueError"
    assert told_error["frames"][-1].endswith(":raised")
    assert "test_plain.py:" in told_error["frames"][-1]
    assert MARKED not in json.dumps(told_error)


def test_places_do_not_show_where_the_code_lies_on_the_machine() -> None:
    (told_error,) = told(raised(ValueError()))
    assert not any(frame.startswith("/") for frame in told_error["frames"])


def test_causes_contexts_and_group_members_are_told_too() -> None:
    error = raised(ExceptionGroup(MARKED, [KeyError(MARKED), TypeError(MARKED)]))
    error.__cause__ = raised(OSError(111, MARKED))
    assert [each["type"] for each in told(error)] == [
        "ExceptionGroup",
        "KeyError",
        "TypeError",
        "ConnectionRefusedError",
    ]
    assert told(error)[-1]["errno"] == "ECONNREFUSED"
    assert MARKED not in json.dumps(told(error))


def test_a_suppressed_context_stays_untold() -> None:
    error = ValueError()
    error.__context__ = KeyError()
    assert len(told(error)) == 2
    error.__suppress_context__ = True
    assert len(told(error)) == 1


def test_exceptions_that_cause_each_other_are_told_once() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert [each["type"] for each in told(first)] == ["ValueError", "KeyError"]


def test_a_long_chain_and_a_deep_stack_stay_short() -> None:
    def dive(depth: int) -> None:
        if not depth:
            raise ValueError
        dive(depth - 1)

    error: BaseException = ValueError()
    for _ in range(50):
        error = ValueError()
        with pytest.raises(ValueError) as caught:  # noqa: PT011  its words are not what this is about
            dive(100)
        caught.value.__cause__, error = error, caught.value
    for _ in range(20):
        outer = ValueError()
        outer.__cause__, error = error, outer
    assert len(told(error)) == MAX_EXCEPTIONS
    assert max(len(each["frames"]) for each in told(caught.value)) == MAX_FRAMES
