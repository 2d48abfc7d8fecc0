"""A broker's log files are read right, the last batch of which may be half written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.log_files import BATCH, BATCH_REST, StoredRecord, read_log_files

if TYPE_CHECKING:
    from pathlib import Path


def number(value: int) -> bytes:
    """Zigzag, seven bits a byte."""
    value, out = value << 1 if value >= 0 else (-value << 1) - 1, bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def text(value: bytes | None) -> bytes:
    return number(-1) if value is None else number(len(value)) + value


def batch(
    base: int, records: list[tuple[int, bytes, bytes | None]], *, epoch: int = 0, attributes: int = 0
) -> bytes:
    """Records with their milliseconds after the first one's."""
    body = b""
    for delta, (later_ms, key, value) in enumerate(records):
        record = b"\0" + number(later_ms) + number(delta) + text(key) + text(value) + number(0)
        body += number(len(record)) + record
    rest = BATCH_REST.pack(epoch, 2, 0, attributes, len(records) - 1, 5_000, 5_000, -1, -1, -1, len(records))
    return BATCH.pack(base, len(rest) + len(body)) + rest + body


def test_all_batches_of_all_files_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "topic-3"
    folder.mkdir()
    first = batch(0, [(0, b"k", b"v" * 200), (70, b"k", None)]) + batch(7, [(-3, b"", b"w")], epoch=4)
    (folder / "00000000000000000000.log").write_bytes(first)
    (folder / "00000000000000000008.log").write_bytes(batch(8, [(0, b"k", b"x")]))
    assert read_log_files(tmp_path, "topic", 3) == [
        StoredRecord(3, 0, b"k", b"v" * 200, 5_000, 0),
        StoredRecord(3, 1, b"k", None, 5_070, 0),
        StoredRecord(3, 7, b"", b"w", 4_997, 4),
        StoredRecord(3, 8, b"k", b"x", 5_000, 0),
    ]


def test_what_is_half_written_and_what_controls_is_no_record(tmp_path: Path) -> None:
    folder = tmp_path / "topic-0"
    folder.mkdir()
    control, half = batch(1, [(0, b"\0\0", b"")], attributes=0x20), batch(2, [(0, b"k", b"v")])[:-1]
    (folder / "00000000000000000000.log").write_bytes(batch(0, [(0, b"k", b"v")]) + control + half)
    assert [each.offset for each in read_log_files(tmp_path, "topic", 0)] == [0]


def test_what_is_compressed_is_not_guessed_at(tmp_path: Path) -> None:
    folder = tmp_path / "topic-0"
    folder.mkdir()
    (folder / "00000000000000000000.log").write_bytes(batch(0, [(0, b"k", b"v")], attributes=2))
    with pytest.raises(ValueError, match="compressed"):
        read_log_files(tmp_path, "topic", 0)
