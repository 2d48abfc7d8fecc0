"""What stands in a broker's log files: also in one that stands still, and is not to be asked any more."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# https://kafka.apache.org/documentation/#recordbatch: as far as its length, and from there to its records.
BATCH: Final = struct.Struct(">qi")
BATCH_REST: Final = struct.Struct(">ibIhiqqqhii")
CONTROL, COMPRESSED = 0x20, 0x07


@dataclass(frozen=True)
class StoredRecord:
    """A record as it stands, or stood, in the log."""

    partition: int
    offset: int
    key: bytes
    value: bytes | None
    timestamp_ms: int
    leader_epoch: int = -1


def read_log_files(data: Path, topic: str, partition: int) -> list[StoredRecord]:
    """All records of a partition that a broker with this data folder has, in order."""
    found: list[StoredRecord] = []
    for each in sorted((data / f"{topic}-{partition}").glob("*.log")):
        found += _records(partition, each.read_bytes())
    return found


def _records(partition: int, segment: bytes) -> Iterator[StoredRecord]:
    at = 0
    while at + BATCH.size + BATCH_REST.size <= len(segment):
        base, length = BATCH.unpack_from(segment, at)
        end = at + BATCH.size + length
        # The last one is not whole where the broker was stopped as it wrote.
        if end > len(segment):
            return
        epoch, _, _, attributes, _, first_ms, *_, count = BATCH_REST.unpack_from(segment, at + BATCH.size)
        if attributes & COMPRESSED:
            raise ValueError("the batch is compressed")
        reader = _Reader(segment, at + BATCH.size + BATCH_REST.size)
        for _ in range(0 if attributes & CONTROL else count):
            yield reader.record(partition, base, first_ms, epoch)
        at = end


class _Reader:
    """From record to record of a batch."""

    def __init__(self, segment: bytes, at: int) -> None:
        self._segment, self._at = segment, at

    def record(self, partition: int, base: int, first_ms: int, epoch: int) -> StoredRecord:
        length = self._number()
        end = self._at + length
        # Its attributes, which are never used.
        self._at += 1
        timestamp_ms, offset = first_ms + self._number(), base + self._number()
        key, value = self._bytes(), self._bytes()
        self._at = end
        return StoredRecord(partition, offset, key or b"", value, timestamp_ms, epoch)

    def _number(self) -> int:
        """Zigzag, seven bits a byte."""
        number = shift = 0
        while True:
            byte = self._segment[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return (number >> 1) ^ -(number & 1)

    def _bytes(self) -> bytes | None:
        length = self._number()
        if length < 0:
            return None
        self._at += length
        return self._segment[self._at - length : self._at]
