"""A record is shown so that a person can read it, and a terminal is not harmed."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.commands.try_.colours import coloured, paint_for, plain
from worker.commands.try_.pretty import pretty, shown_bytes
from worker.formats.protocol import NAN


def test_it_is_indented() -> None:
    shown = pretty({"a": [1, {"b": None}], "c": {}, "d": True}, plain)
    assert shown == '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n  "c": {},\n  "d": true\n}'


def test_what_is_long_is_shortened_with_how_much_is_missing() -> None:
    shown = pretty({"text": "x" * 1000, "list": list(range(1000))}, plain)
    assert "... 880 more characters" in shown
    assert "... 990 more elements" in shown
    assert len(shown) < 500


def test_json_in_text_is_opened_and_said_to_be_text() -> None:
    assert pretty({"m": '{"a": 1}'}, plain) == '{\n  "m": JSON text: {\n    "a": 1\n  }\n}'
    assert pretty("[draft] title", plain) == '"[draft] title"'


def test_what_only_a_lenient_decoder_reads_is_shown_as_what_it_is() -> None:
    assert pretty(NAN, plain) == "(NaN is no number)"
    assert shown_bytes(b"\xff\x00") == 'base64 "/wA="'


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_nothing_but_printable_text_is_shown(value: Any) -> None:
    assert all(line.isprintable() for line in pretty(value, plain).split("\n"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("out", "environ", "is_coloured"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_there_are_colours_on_a_terminal_unless_nobody_wants_them(
    out: io.StringIO,
    environ: dict[str, str],
    is_coloured: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    assert (paint_for(out, environ) is coloured) == is_coloured


def test_colours_are_all_that_they_add() -> None:
    import re  # noqa: PLC0415  only here

    value = {"a": [1, "x", None], "b": '{"c": 2}'}
    assert re.sub(r"\x1b\[[0-9;]*m", "", pretty(value, coloured)) == pretty(value, plain)
