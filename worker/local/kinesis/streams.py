"""Streams, and what may be done to them when: created, written, split, merged, rescaled, trimmed, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from worker.local.kinesis.failures import in_use, invalid_argument, limit_exceeded, not_found
from worker.local.kinesis.hash_ranges import MAX_HASH_KEY, hash_key
from worker.local.kinesis.shard_tree import ShardTree

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.local.kinesis.behaviour import Behaviour
    from worker.local.kinesis.shards import Shard

Status: TypeAlias = Literal["CREATING", "ACTIVE", "UPDATING", "DELETING"]
Clock: TypeAlias = "Callable[[], float]"
"""Epoch seconds."""

MAX_SHARDS: Final = 10_000


class Stream:
    """A stream. Its methods may be called in the process, too; what AWS refuses raises ``AwsError``.

    Args:
        name: its name.
        shards: with how many it begins.
        clock: what time it is.
        behaviour: how long things take, and how long records are kept.
    """

    def __init__(self, name: str, shards: int, clock: Clock, behaviour: Behaviour) -> None:
        self.name = name
        self.created_at = clock()
        self._clock = clock
        self._behaviour = behaviour
        self._tree = ShardTree(shards, self.created_at)
        self._active_at = self.created_at + behaviour.create_seconds
        self._reshard: Callable[[float], object] | None = None
        self.deleted_at: float | None = None

    @property
    def status(self) -> Status:
        """What the stream is doing."""
        self._settle()
        if self.deleted_at is not None:
            return "DELETING"
        if self._reshard is not None:
            return "UPDATING"
        return "ACTIVE" if self._clock() >= self._active_at else "CREATING"

    @property
    def shards(self) -> dict[str, Shard]:
        """All shards that are kept, by name, in the order in which they were made."""
        self._settle()
        return self._tree.all

    @property
    def open_shards(self) -> list[Shard]:
        """The shards that take records, by their hash keys."""
        self._settle()
        return self._tree.open

    def shard(self, name: str) -> Shard:
        """Return a shard by its name."""
        found = self.shards.get(name)
        if found is None:
            raise not_found(f"Could not find shard {name} in stream {self.name}.")
        return found

    def children(self, shard: Shard) -> list[Shard]:
        """The shards that were made of this one."""
        return self._tree.children(shard)

    def put(self, partition_key: str, data: bytes, explicit_hash_key: int | None = None) -> tuple[Shard, int]:
        """Take a record in; return its shard and its sequence number."""
        status = self.status
        if status not in {"ACTIVE", "UPDATING"}:
            raise not_found(f"Stream {self.name} is {status}.")
        if len(data) > self._behaviour.max_record_bytes:
            raise invalid_argument(f"A record is of {self._behaviour.max_record_bytes} bytes at most.")
        if explicit_hash_key is not None and explicit_hash_key > MAX_HASH_KEY:
            raise invalid_argument(f"ExplicitHashKey is not in the range 0 to {MAX_HASH_KEY}.")
        key = hash_key(partition_key) if explicit_hash_key is None else explicit_hash_key
        shard = self._tree.shard_of(key)
        return shard, self._tree.append(shard, partition_key, data, self._clock())

    def split(self, name: str, at: int | None = None) -> None:
        """Make two shards of one; the second begins at this hash key, or in the middle."""
        shard = self._to_reshard(name)
        first, last = shard.hash_range
        start = (first + last + 1) // 2 if at is None else at
        if not first + 1 < start < last:
            raise invalid_argument(
                f"NewStartingHashKey {start} used in SplitShard() on shard {name} in stream {self.name} is "
                f"not both greater than one plus the shard's StartingHashKey {first} and less than the "
                f"shard's EndingHashKey {last}."
            )
        self._begin(lambda now: self._tree.split(shard, start, now))

    def merge(self, name: str, adjacent: str) -> None:
        """Make one shard of two that lie beside each other."""
        first, second = self._to_reshard(name), self._to_reshard(adjacent)
        lower, upper = sorted([first.hash_range, second.hash_range])
        if first is second or lower[1] + 1 != upper[0]:
            raise invalid_argument(f"Shards {name} and {adjacent} in stream {self.name} are not adjacent.")
        self._begin(lambda now: self._tree.merge(first, second, now))

    def update_shard_count(self, count: int) -> None:
        """Split and merge until there are so many open shards, of the same size."""
        self._must_be_active()
        current = len(self._tree.open)
        if not current / 2 <= count <= 2 * current:
            raise limit_exceeded(
                f"UpdateShardCount cannot scale from {current} to {count}: half and double are the limits."
            )
        if count == current:
            raise invalid_argument(f"Stream {self.name} has {count} shards already.")
        self._begin(lambda now: self._tree.rescale(count, now))

    def trim(self, shard: str, below: int) -> None:
        """Forget a shard's records below a sequence number, as if they were too old. In the process only."""
        self.shard(shard).trim(below=below)

    def delete(self) -> None:
        """Begin to delete the stream."""
        if self.deleted_at is None:
            self.deleted_at = self._clock()

    def _to_reshard(self, name: str) -> Shard:
        self._must_be_active()
        shard = self.shard(name)
        if shard.is_closed:
            raise invalid_argument(f"Shard {name} in stream {self.name} is closed.")
        return shard

    def _must_be_active(self) -> None:
        if (status := self.status) != "ACTIVE":
            raise in_use(f"Stream {self.name} not ACTIVE, instead in state {status}")

    def _begin(self, reshard: Callable[[float], object]) -> None:
        self._reshard = reshard
        self._reshard_at = self._clock() + self._behaviour.update_seconds
        self._settle()

    def _settle(self) -> None:
        """Let happen what is due."""
        now = self._clock()
        if self._reshard is not None and now >= self._reshard_at:
            reshard, self._reshard = self._reshard, None
            reshard(now)
        horizon = now - self._behaviour.retention_seconds
        if self.created_at < horizon:
            self._tree.forget_closed(horizon)
            for each in self._tree.all.values():
                each.trim(arrived_before=horizon)


class Streams:
    """The streams there are."""

    def __init__(self, clock: Clock, behaviour: Behaviour) -> None:
        self._clock = clock
        self._behaviour = behaviour
        self._streams: dict[str, Stream] = {}

    def __getitem__(self, name: str) -> Stream:
        """Return a stream by its name."""
        self._settle()
        if name not in self._streams:
            raise not_found(f"Stream {name} not found.")
        return self._streams[name]

    def create(self, name: str, shards: int = 1) -> Stream:
        """Create a stream."""
        self._settle()
        if name in self._streams:
            raise in_use(f"Stream {name} already exists.")
        if shards > MAX_SHARDS:
            raise limit_exceeded(f"A stream has {MAX_SHARDS} shards at most.")
        stream = self._streams[name] = Stream(name, shards, self._clock, self._behaviour)
        return stream

    def delete(self, name: str) -> None:
        """Begin to delete a stream."""
        self[name].delete()
        self._settle()

    def names(self) -> list[str]:
        """The names of all streams."""
        self._settle()
        return list(self._streams)

    def _settle(self) -> None:
        gone = self._clock() - self._behaviour.delete_seconds
        over = [
            each.name
            for each in self._streams.values()
            if each.deleted_at is not None and each.deleted_at <= gone
        ]
        for name in over:
            del self._streams[name]
