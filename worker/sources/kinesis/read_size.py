"""How much the next read of a shard asks for, and how many bytes it may bring.

A read reserves in the common budget what it may bring. A shard in which nothing came lately reserves little,
because hundreds of them have to fit into the budget side by side, each once a second.
"""

from __future__ import annotations

from typing import Final

# Decoding this many holds the loop for some milliseconds. Most shards bring less in a quarter of a second.
MAX_RECORDS: Final = 2_000
# What a read is meant to bring at most: four such reads a second are beyond what a shard gives.
_READ_BYTES: Final = 1 << 20
# The same while nothing comes, and by how much it grows with each read that brings something.
_IDLE_BYTES: Final = 64 << 10
_GROWS_BY: Final = 4
# What a record is taken for before any came: a first read asks for four.
_FIRST_RECORD_BYTES: Final = 256 << 10
# Records that get smaller are believed little by little.
_SHRINKS_TO: Final = 0.5


class ReadSize:
    """The size of one shard's reads."""

    def __init__(self) -> None:
        self._read_bytes = _READ_BYTES
        self._record_bytes: float = _FIRST_RECORD_BYTES
        self._has_brought = False

    @property
    def limit(self) -> int:
        """How many records to ask for."""
        return max(1, min(MAX_RECORDS, int(self._read_bytes / self._record_bytes)))

    @property
    def reserved(self) -> int:
        """How many bytes to reserve; a read may bring more, where records are larger than they were."""
        if self._read_bytes == _IDLE_BYTES and not self._has_brought:
            return _IDLE_BYTES
        return int(self.limit * self._record_bytes)

    def brought(self, records: int, bytes_read: int, *, is_behind: bool) -> None:
        """Note a read that was answered; ``is_behind``: there is more in the shard."""
        is_idle = not records and not is_behind
        self._read_bytes = _IDLE_BYTES if is_idle else min(_READ_BYTES, _GROWS_BY * self._read_bytes)
        if records:
            self._has_brought = True
            self._record_bytes = max(bytes_read / records, _SHRINKS_TO * self._record_bytes)

    def was_too_long(self, limit: int) -> None:
        """Note that an answer of so many records was too long to be read."""
        self._has_brought = True
        self._record_bytes = 2 * _READ_BYTES / limit
