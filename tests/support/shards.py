"""Shards of a stream, made by a test: split and merged as Kinesis does it."""

from __future__ import annotations

from msgspec.structs import replace

from worker.core.leases.shards import Shard

KEYS = 1 << 10


def key_of(number: int) -> str:
    return f"shardId-{number:012d}"


class ShardsTwin:
    """All shards that are listed."""

    def __init__(self, size: int = 1) -> None:
        self.listed: dict[str, Shard] = {}
        self._made = 0
        for place in range(size):
            self._open(frozenset(), (place * KEYS // size, (place + 1) * KEYS // size - 1))

    def split(self, number: int) -> tuple[str, str]:
        """Close it, and return the keys of the two that it becomes."""
        parent = self._close(number)
        first, last = parent.hash_range
        middle = (first + last) // 2
        return (
            self._open(frozenset({parent.key}), (first, middle)),
            self._open(frozenset({parent.key}), (middle + 1, last)),
        )

    def merge(self, number: int, other: int) -> str:
        """Close both, and return the key of the one that they become."""
        parents = self._close(number), self._close(other)
        ranges = [parent.hash_range for parent in parents]
        both = (min(first for first, _ in ranges), max(last for _, last in ranges))
        return self._open(frozenset(parent.key for parent in parents), both)

    def expire(self, *numbers: int) -> None:
        """They are not listed any more."""
        for number in numbers:
            del self.listed[key_of(number)]

    def _close(self, number: int) -> Shard:
        closed = replace(self.listed[key_of(number)], is_closed=True)
        self.listed[closed.key] = closed
        return closed

    def _open(self, parents: frozenset[str], hash_range: tuple[int, int]) -> str:
        shard = Shard(
            key=key_of(self._made),
            stream="clicks",
            number=self._made,
            parents=parents,
            hash_range=hash_range,
            is_closed=False,
        )
        self.listed[shard.key] = shard
        self._made += 1
        return shard.key
