"""The stream: shards with records, splits and merges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.leases.shards import Shard

if TYPE_CHECKING:
    from tests.simulation.leases.schedule import Schedule

KEYS = 1 << 16
FIRST_SEQUENCE = 49 * 10**54


class LiveShard:
    """One shard, and the sequence numbers of its records."""

    def __init__(self, number: int, parents: frozenset[str], hash_range: tuple[int, int]) -> None:
        self.number = number
        self.key = f"shardId-{number:012d}"
        self.parents = parents
        self.hash_range = hash_range
        self.records: list[int] = []
        self.is_closed = False
        self.is_listed = True

    def listed(self) -> Shard:
        return Shard(
            key=self.key,
            stream="clicks",
            number=self.number,
            parents=self.parents,
            hash_range=self.hash_range,
            is_closed=self.is_closed,
        )


class Stream:
    """All shards there ever were."""

    def __init__(self, schedule: Schedule) -> None:
        self.shards: dict[str, LiveShard] = {}
        self._sequence = FIRST_SEQUENCE
        size = KEYS // schedule.shards
        for place in range(schedule.shards):
            last = KEYS - 1 if place == schedule.shards - 1 else (place + 1) * size - 1
            self._open(frozenset(), (place * size, last))

    def listing(self) -> tuple[Shard, ...]:
        return tuple(shard.listed() for shard in self.shards.values() if shard.is_listed)

    def open_shards(self) -> list[LiveShard]:
        return sorted(
            (shard for shard in self.shards.values() if not shard.is_closed),
            key=lambda shard: shard.hash_range,
        )

    def put(self) -> None:
        """A record for each open shard."""
        for shard in self.open_shards():
            self._sequence += 7
            shard.records.append(self._sequence)

    def split(self, pick: float) -> bool:
        shards = [each for each in self.open_shards() if each.hash_range[0] < each.hash_range[1]]
        shard = shards[int(pick * len(shards))]
        first, last = shard.hash_range
        middle = (first + last) // 2
        shard.is_closed = True
        self._open(frozenset({shard.key}), (first, middle))
        self._open(frozenset({shard.key}), (middle + 1, last))
        return True

    def merge(self, pick: float) -> bool:
        shards = self.open_shards()
        if len(shards) < 2:
            return False
        place = int(pick * (len(shards) - 1))
        left, right = shards[place], shards[place + 1]
        left.is_closed = right.is_closed = True
        self._open(frozenset({left.key, right.key}), (left.hash_range[0], right.hash_range[1]))
        return True

    def _open(self, parents: frozenset[str], hash_range: tuple[int, int]) -> None:
        shard = LiveShard(len(self.shards), parents, hash_range)
        self.shards[shard.key] = shard
