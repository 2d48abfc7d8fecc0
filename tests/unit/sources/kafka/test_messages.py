"""From messages to records."""

from __future__ import annotations

import tracemalloc

import pytest

from benchmarks.holding import Message
from tests.support.builders import record
from worker.core.model.partition import Partition
from worker.core.model.records import Record, held_bytes
from worker.core.offsets.assignment import Assignment
from worker.sources.kafka.messages import RecordReader, how_many_more

BIG = b"x" * 900_000
AT_ONCE_BYTES = 4 << 20


def in_steps(each: Record, max_records: int) -> list[Record]:
    """As many as come in one reception, of a topic that is full of such records."""
    records = [each]
    while (count := how_many_more(records, max_records)) > 0:
        records += [each] * count
    return records


@pytest.mark.parametrize(
    "big",
    [
        record(value=BIG),
        record(key=BIG),
        record(headers=(("h", BIG),)),
        record(headers=(("h" * 900_000, None),)),
    ],
    ids=["value", "key", "header", "name"],
)
def test_one_reception_is_bounded_in_bytes_wherever_they_stand(big: Record) -> None:
    records = in_steps(big, 1000)
    assert 1 < len(records) < 10
    assert sum(map(held_bytes, records)) <= AT_ONCE_BYTES


def test_one_reception_is_bounded_in_records() -> None:
    assert len(in_steps(record(), 1000)) == 1000
    assert len(in_steps(record(), 1)) == 1
    assert how_many_more([], 1000) == 0


def test_a_key_that_comes_again_is_kept_once() -> None:
    reader, assignment = RecordReader(), Assignment(Partition("t", 0), 1)
    first, second = (
        reader.record(Message(offset, b"%d" % 123, b"v"), assignment, 0.0)  # type: ignore[arg-type]  # all that is read of one
        for offset in range(2)
    )
    assert first.key == b"123"
    assert first.key is second.key


def test_large_keys_go_with_their_records() -> None:
    reader, assignment = RecordReader(), Assignment(Partition("t", 0), 1)
    tracemalloc.start()
    for offset in range(100):
        key = b"%0100000d" % offset
        taken = reader.record(Message(offset, key, b"v"), assignment, 0.0)  # type: ignore[arg-type]  # as above
        assert taken.key == key
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept_bytes < 1_000_000
