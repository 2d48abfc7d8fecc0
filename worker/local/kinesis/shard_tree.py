"""The shards of a stream: which are open, which take a record, and how they split and merge."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from worker.local.kinesis.hash_ranges import even_ranges
from worker.local.kinesis.shards import Shard

if TYPE_CHECKING:
    from worker.local.kinesis.hash_ranges import HashRange


class ShardTree:
    """The shards there are, closed ones too, in the order in which they were made.

    Args:
        count: with how many it begins.
        now: the time, in epoch seconds.
    """

    def __init__(self, count: int, now: float) -> None:
        self.all: dict[str, Shard] = {}
        self._next_number = 0
        self._index = 0
        for hash_range in even_ranges(count):
            self._make(hash_range, int(now))
        self._note_open()

    @property
    def open(self) -> list[Shard]:
        """The open shards, by their hash keys."""
        return list(self._open)

    def children(self, parent: Shard) -> list[Shard]:
        """The shards that were made of this one."""
        return [each for each in self.all.values() if parent.id in each.parents]

    def shard_of(self, hash_key: int) -> Shard:
        """Return the open shard that takes records of a hash key."""
        return self._open[bisect_right(self._starts, hash_key) - 1]

    def append(self, shard: Shard, partition_key: str, data: bytes, now: float) -> int:
        """Let a shard take a record in, and return its sequence number."""
        self._index += 1
        return shard.append(partition_key, data, self._index, now)

    def split(self, parent: Shard, at: int, now: float) -> list[Shard]:
        """Close a shard and make two of it; the second one begins at this hash key."""
        first, last = parent.hash_range
        return self._replace([parent], [(first, at - 1), (at, last)], now)

    def merge(self, parent: Shard, adjacent: Shard, now: float) -> Shard:
        """Close two shards that lie beside each other and make one of them."""
        ends = [*parent.hash_range, *adjacent.hash_range]
        return self._replace([parent, adjacent], [(min(ends), max(ends))], now)[0]

    def rescale(self, count: int, now: float) -> None:
        """Split and merge until there are so many, of the same size; some live only in between."""
        wanted = even_ranges(count)
        for start, _ in wanted:
            shard = self.shard_of(start)
            if shard.hash_range[0] != start:
                self.split(shard, start, now)
        for start, end in wanted:
            while (shard := self.shard_of(start)).hash_range[1] != end:
                self.merge(shard, self.shard_of(shard.hash_range[1] + 1), now)

    def forget_closed(self, before: float) -> None:
        """Forget the shards that were closed before a time."""
        self.all = {
            name: each for name, each in self.all.items() if each.closed_at is None or each.closed_at > before
        }

    def _replace(self, parents: list[Shard], ranges: list[HashRange], now: float) -> list[Shard]:
        # A child is made later than its parents, so that all its numbers are above all of theirs.
        created_seconds = max(int(now), *(each.created_seconds + 1 for each in parents))
        for each in parents:
            each.close(now)
        names = [each.id for each in parents]
        children = [self._make(each, created_seconds, names) for each in ranges]
        self._note_open()
        return children

    def _make(self, hash_range: HashRange, created_seconds: int, parents: list[str] | None = None) -> Shard:
        shard = Shard(self._next_number, hash_range, created_seconds, parents or ())
        self._next_number += 1
        self.all[shard.id] = shard
        return shard

    def _note_open(self) -> None:
        still_open = (each for each in self.all.values() if not each.is_closed)
        self._open = sorted(still_open, key=lambda each: each.hash_range)
        self._starts = [each.hash_range[0] for each in self._open]
