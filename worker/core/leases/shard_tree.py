"""The shard tree: which leases have to be made, where each begins, and when it may be read.

A split or a merge closes shards and makes others of them. Order per partition key holds only if a shard is
read after all that it was made of. And nothing is lost only if a shard that was made of one that is read
begins at its oldest record: with LATEST, the records between its making and its first read would never be
read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.core.leases.lease import Checkpoint, Lease, Sentinel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.core.leases.shards import Shard

_BEGINNINGS: Final = frozenset({Sentinel.TRIM_HORIZON, Sentinel.LATEST, Sentinel.AT_TIMESTAMP})


def stream_of(key: str) -> str:
    """Return what of a lease's key names the stream; empty where the table serves only one."""
    return key.rpartition(":")[0]


def is_begun(lease: Lease) -> bool:
    """Whether a record of it is done."""
    return lease.checkpoint not in _BEGINNINGS


def children_of(key: str, shards: Iterable[Shard]) -> tuple[Shard, ...]:
    """Return the shards that were made of this one."""
    return tuple(shard for shard in shards if key in shard.parents)


def is_covered(shard: Shard, children: Iterable[Shard]) -> bool:
    """Whether these are all that were made of it: each of its hash keys has gone to one of them."""
    first, last = shard.hash_range
    parts = (child.hash_range for child in children)
    covered = sum(max(0, min(last, part[1]) - max(first, part[0]) + 1) for part in parts)
    return covered == last - first + 1


def is_readable(
    lease: Lease,
    leases: Mapping[str, Lease],
    shards: Mapping[str, Shard],
    remembered: Mapping[str, Checkpoint],
) -> bool:
    """Whether all that the shard was made of is done.

    Args:
        lease: the lease of the shard.
        leases: all leases, by key.
        shards: all shards, by key.
        remembered: checkpoints of rows that were there once, by key.
    """
    return all(_is_done(parent, lease, leases, shards, remembered) for parent in lease.parents)


def _is_done(
    parent: str,
    child: Lease,
    leases: Mapping[str, Lease],
    shards: Mapping[str, Shard],
    remembered: Mapping[str, Checkpoint],
) -> bool:
    row = leases.get(parent)
    if row is not None:
        return row.is_finished
    # It has no row. It was done and tidied away, or it was never to be read, unless the child waits for it
    # still.
    if not _waits_for_parents(child) or remembered.get(parent) is Sentinel.SHARD_END:
        return True
    return parent not in shards and not is_newer_than_all(child.key, shards)


def is_newer_than_all(key: str, shards: Mapping[str, Shard]) -> bool:
    """Whether a shard was made after these were listed: neither it nor its parents are gone then."""
    stream = stream_of(key)
    return key not in shards and all(other < key for other in shards if stream_of(other) == stream)


def _waits_for_parents(lease: Lease) -> bool:
    """Whether it was made behind parents that are read, and is not begun: their rows can't be tidied away."""
    return lease.checkpoint in (Sentinel.TRIM_HORIZON, Sentinel.AT_TIMESTAMP)


class _Making:
    """Collects the leases to be made.

    As the KCL does, it walks from the open shards that have no lease up to the first ancestor that has one.
    """

    def __init__(
        self,
        shards: Mapping[str, Shard],
        leases: Mapping[str, Lease],
        start: Sentinel,
        remembered: Mapping[str, Checkpoint],
    ) -> None:
        self._shards = shards
        self._leases = leases
        self._start = start
        self._remembered = remembered
        self.made: dict[str, Checkpoint] = {}
        self._descends: dict[str, bool] = {}

    def walk(self, shard: Shard) -> bool:
        """Make leases of it and its ancestors as far as needed; return whether any was read."""
        if shard.key in self._descends:
            return self._descends[shard.key]
        parents = [self._shards[key] for key in sorted(shard.parents) if key in self._shards]
        descends = [parent.key in self._leases or self.walk(parent) for parent in parents]
        is_descendant = any(descends) or self._was_covered(shard)
        was_read = is_descendant or shard.key in self._remembered
        self._descends[shard.key] = was_read
        if was_read or self._start is not Sentinel.LATEST:
            self._make(shard, self._first_checkpoint(is_descendant=is_descendant))
        if is_descendant:
            # Also of two parents the one that nobody read: the shard waits until it is done.
            for parent in parents:
                if parent.key not in self._leases:
                    self._make(parent, self._start)
        return was_read

    def _make(self, shard: Shard, checkpoint: Checkpoint) -> None:
        self.made.setdefault(shard.key, self._remembered.get(shard.key, checkpoint))

    def begin(self, shard: Shard) -> None:
        """Make a lease of an open shard."""
        if not self.walk(shard):
            self._make(shard, self._start)

    def restore(self, shard: Shard, child: Lease) -> None:
        """Make the lease anew whose row somebody deleted: the child that waits for it says how it began."""
        if shard.key not in self._leases:
            self._make(shard, child.checkpoint)

    def _first_checkpoint(self, *, is_descendant: bool) -> Sentinel:
        if is_descendant and self._start is Sentinel.LATEST:
            return Sentinel.TRIM_HORIZON
        return self._start

    def _was_covered(self, shard: Shard) -> bool:
        """Whether a lease covers some of its hash keys: an open shard was then made of that one.

        It matters where all generations in between are gone already, so that the names do not tell it.
        """
        return any(_overlaps(lease, shard) for lease in self._leases.values())


def _overlaps(lease: Lease, shard: Shard) -> bool:
    if lease.hash_range is None or stream_of(lease.key) != stream_of(shard.key):
        return False
    return (
        lease.key < shard.key
        and lease.hash_range[0] <= shard.hash_range[1]
        and shard.hash_range[0] <= lease.hash_range[1]
    )


def leases_to_make(
    shards: Mapping[str, Shard],
    leases: Mapping[str, Lease],
    start: Sentinel,
    remembered: Mapping[str, Checkpoint],
) -> tuple[Lease, ...]:
    """Return the leases that have to be made, parents first.

    Args:
        shards: all shards of the streams, by key.
        leases: all leases, by key.
        start: where to begin with shards of which nothing was ever read.
        remembered: checkpoints of rows that were there once, by key. A row made anew begins there, and of one
            that was finished nothing is made.
    """
    making = _Making(shards, leases, start, remembered)
    for shard in shards.values():
        # Of a list that came in pages while the stream changed, the rest comes with the next one.
        has_open_parent = any(key in shards and not shards[key].is_closed for key in shard.parents)
        if not shard.is_closed and shard.key not in leases and not has_open_parent:
            making.begin(shard)
    for lease in leases.values():
        if _waits_for_parents(lease):
            for key in sorted(lease.parents & shards.keys()):
                making.restore(shards[key], lease)
    made = sorted((shards[key] for key in making.made), key=lambda shard: (shard.number, shard.key))
    return tuple(
        Lease(
            key=shard.key,
            checkpoint=making.made[shard.key],
            parents=shard.parents,
            hash_range=shard.hash_range,
        )
        for shard in made
        if making.made[shard.key] is not Sentinel.SHARD_END
    )
