"""From messages to records."""

from __future__ import annotations

import tracemalloc

from benchmarks.holding import Message
from worker.core.lease import Lease
from worker.sources.kafka_messages import RecordReader


def test_a_key_that_comes_again_is_kept_once() -> None:
    reader, lease = RecordReader(), Lease("t", 0, 1)
    first, second = (reader.record(Message(offset, b"%d" % 123, b"v"), lease, 0.0) for offset in range(2))
    assert first.key == b"123"
    assert first.key is second.key


def test_large_keys_go_with_their_records() -> None:
    reader, lease = RecordReader(), Lease("t", 0, 1)
    tracemalloc.start()
    for offset in range(100):
        key = b"%0100000d" % offset
        assert reader.record(Message(offset, key, b"v"), lease, 0.0).key == key
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept_bytes < 1_000_000
