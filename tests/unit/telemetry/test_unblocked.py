"""Lines for a reader that is slow, or has gone."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from worker.telemetry.unblocked import UnblockedLines

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = b"x" * 999 + b"\n"
# More than any pipe holds.
MANY = 3000


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    # Not the other end: a thread may still write there, and the next pipe would have its number.
    with contextlib.suppress(OSError):
        os.close(reader)


def read(reader: int, size: int) -> bytes:
    taken = b""
    while len(taken) < size:
        taken += os.read(reader, size - len(taken))
    return taken


def test_lines_come_whole_and_in_order(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    lines = UnblockedLines(writer, lambda _: None)
    expected = b"".join(b"%d\n" % number for number in range(1000))
    for line in expected.splitlines(keepends=True):
        lines.write(line)
    lines.write("half \ud83d\n")
    assert read(reader, len(expected)) == expected
    assert read(reader, 12) == rb"half \ud83d" + b"\n"


@pytest.mark.parametrize("blocking", [True, False])
def test_nobody_waits_for_a_reader_that_does_not_read(pipe: tuple[int, int], *, blocking: bool) -> None:
    reader, writer = pipe
    os.set_blocking(writer, blocking)
    told: list[int] = []
    lines = UnblockedLines(writer, told.append, max_bytes=100_000)
    began = time.monotonic()
    for _ in range(MANY):
        assert lines.write(LINE) == len(LINE)
    assert time.monotonic() - began < 5
    taken = 0
    while not told or taken + sum(told) < MANY:
        taken += read(reader, len(LINE)) == LINE
    assert taken + sum(told) == MANY
    assert told


def test_a_reader_that_has_gone_costs_its_lines_and_nothing_else(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.close(reader)
    lines = UnblockedLines(writer, lambda _: None)
    for _ in range(MANY):
        lines.write(LINE)
    lines.drain(5)
    assert lines.write(LINE) == len(LINE)


def test_the_end_waits_for_what_is_written_but_not_for_ever(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    lines = UnblockedLines(writer, lambda _: None)
    lines.write(b"last\n")
    lines.drain(5)
    assert read(reader, 5) == b"last\n"
    for _ in range(100):
        lines.write(LINE)
    began = time.monotonic()
    lines.drain(0.1)
    assert time.monotonic() - began < 5
