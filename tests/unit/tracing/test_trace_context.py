"""The W3C's header is read as its specification has it, and nothing else in its place is believed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.tracing.trace_context import HEADER, TraceContext, trace_context

TRACE, SPAN = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
VALID = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEX = "0123456789abcdef"


def read(*values: bytes | None) -> TraceContext | None:
    return trace_context(tuple((HEADER, value) for value in values))


def test_ids_and_the_flag_are_read() -> None:
    assert read(VALID) == TraceContext(TRACE, SPAN, is_sampled=True)
    assert read(VALID[:-1] + b"0") == TraceContext(TRACE, SPAN, is_sampled=False)


def test_of_the_flags_only_the_first_bit_says_sampled() -> None:
    assert read(VALID[:-2] + b"fe") == TraceContext(TRACE, SPAN, is_sampled=False)
    assert read(VALID[:-2] + b"03") == TraceContext(TRACE, SPAN, is_sampled=True)


@pytest.mark.parametrize("later", [VALID, VALID + b"-what-comes-then"])
def test_a_later_version_is_read_as_far_as_it_is_known(later: bytes) -> None:
    assert read(b"cc" + later[2:]) == TraceContext(TRACE, SPAN, is_sampled=True)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        b"",
        VALID.upper(),
        VALID[:-1],
        VALID + b"-more",
        VALID + b"\n",
        b" " + VALID,
        b"ff" + VALID[2:],
        b"cc" + VALID[2:] + b"more",
        b"0_" + VALID[2:],
        VALID.replace(b"0af7651916cd43dd8448eb211c80319c", b"0" * 32),
        VALID.replace(b"b7ad6b7169203331", b"0" * 16),
        VALID.replace(b"b7ad6b71", b"b7_d6b71"),
        b"cc" + VALID[2:] + b"-" + b"x" * 10_000,
    ],
)
def test_what_is_no_trace_context_is_none(wrong: bytes | None) -> None:
    assert read(wrong) is None


def test_only_its_own_header_counts_and_of_several_the_last() -> None:
    assert trace_context((("Traceparent", VALID), ("tracestate", VALID))) is None
    assert trace_context(()) is None
    assert read(VALID[:-2] + b"00", VALID) == TraceContext(TRACE, SPAN, is_sampled=True)
    assert read(VALID, b"nonsense") is None


@given(
    st.one_of(
        st.binary(max_size=80), st.from_regex(rb"[0-9a-f]{2}(-[0-9a-f]{1,33}){3}(-.{0,3})?", fullmatch=True)
    )
)
def test_whatever_the_bytes_it_never_raises(value: bytes) -> None:
    found = read(value)
    if found is not None:
        assert re.match(rb"[0-9a-f]{2}-%032x-%016x-[0-9a-f]{2}" % (found.trace_id, found.span_id), value)


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255))
def test_whatever_is_valid_comes_back(trace_id: int, span_id: int, flags: int) -> None:
    assert read(b"00-%032x-%016x-%02x" % (trace_id, span_id, flags)) == TraceContext(
        trace_id, span_id, is_sampled=bool(flags & 1)
    )
