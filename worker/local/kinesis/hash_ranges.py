"""Hash keys: where a partition key falls, and how a stream's range is divided."""

from __future__ import annotations

from hashlib import md5
from typing import Final, TypeAlias

MAX_HASH_KEY: Final = 2**128 - 1

HashRange: TypeAlias = tuple[int, int]
"""The first and the last hash key; both belong to it."""


def hash_key(partition_key: str) -> int:
    """Return the hash key of a partition key."""
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest())


def even_ranges(count: int) -> list[HashRange]:
    """Divide all hash keys into so many ranges of the same size."""
    size = (MAX_HASH_KEY + 1) // count
    starts = [number * size for number in range(count)]
    ends = [start - 1 for start in starts[1:]] + [MAX_HASH_KEY]
    return list(zip(starts, ends, strict=True))
