"""One shard: its records in memory, its place among the others, and its end."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

from msgspec import Struct

from worker.local.kinesis.sequence_numbers import LAST_INDEX, SequenceNumber

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.local.kinesis.hash_ranges import HashRange


class Record(Struct, frozen=True):
    """A record as it is read."""

    sequence: int
    arrived_seconds: float
    partition_key: str
    data: bytes


def shard_id(number: int) -> str:
    """Return the name of a shard."""
    return f"shardId-{number:012d}"


class Shard:
    """A shard. Positions are sequence numbers, and inclusive.

    Args:
        number: it is never used again in the stream.
        hash_range: the hash keys whose records it takes.
        created_seconds: in its sequence numbers; later than those of its parents.
        parents: the shards that it was made of: none, one, or two.
    """

    def __init__(
        self, number: int, hash_range: HashRange, created_seconds: int, parents: Sequence[str] = ()
    ) -> None:
        self.number = number
        self.id = shard_id(number)
        self.hash_range = hash_range
        self.created_seconds = created_seconds
        self.parents = tuple(parents)
        self.first_sequence = self._sequence(0, created_seconds)
        self.next_sequence = self.first_sequence
        """Where whoever wants only what comes from now on begins."""
        self.ending_sequence: int | None = None
        self.closed_at: float | None = None
        self._sequences: list[int] = []
        self._arrivals = array("d")
        self._keys: list[str] = []
        self._data: list[bytes] = []

    def __len__(self) -> int:
        """How many records it holds."""
        return len(self._sequences)

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more records."""
        return self.ending_sequence is not None

    def append(self, partition_key: str, data: bytes, index: int, now: float) -> int:
        """Take a record in, and return its sequence number; ``index`` grows from record to record."""
        sequence = self._sequence(index, int(now))
        self.next_sequence = sequence + 1
        self._sequences.append(sequence)
        self._arrivals.append(now)
        self._keys.append(partition_key)
        self._data.append(data)
        return sequence

    def close(self, now: float) -> None:
        """Take no more records."""
        self.ending_sequence = self._sequence(LAST_INDEX, int(now))
        self.closed_at = now

    def read(self, start: int, most: int, most_bytes: int) -> list[Record]:
        """Return records from a position on: so many and so large at most, but one where there is one."""
        first = bisect_left(self._sequences, start)
        records: list[Record] = []
        size = 0
        for place in range(first, min(first + most, len(self))):
            size += len(self._data[place]) + len(self._keys[place])
            if records and size > most_bytes:
                break
            records.append(self._record(place))
        return records

    def first_since(self, timestamp: float) -> int:
        """Return the position of the first record that came then or later."""
        place = bisect_left(self._arrivals, timestamp)
        return self._sequences[place] if place < len(self) else self.next_sequence

    def arrival_at(self, start: int) -> float | None:
        """Return when the first record from a position on came; None if there is none."""
        place = bisect_left(self._sequences, start)
        return self._arrivals[place] if place < len(self) else None

    def trim(self, *, arrived_before: float = 0, below: int = 0) -> None:
        """Forget the records that came before a time, and those below a sequence number."""
        place = max(bisect_left(self._arrivals, arrived_before), bisect_left(self._sequences, below))
        if place:
            del self._sequences[:place], self._arrivals[:place], self._keys[:place], self._data[:place]

    def _record(self, place: int) -> Record:
        return Record(self._sequences[place], self._arrivals[place], self._keys[place], self._data[place])

    def _sequence(self, index: int, at_seconds: int) -> int:
        return int(SequenceNumber(self.number, self.created_seconds, index, at_seconds))
