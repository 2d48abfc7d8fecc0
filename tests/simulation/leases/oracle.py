"""The oracle: it sees the table's writes and what is delivered, by true time, and knows the promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from worker.core.leases.handover import owner_until_handed_over
from worker.core.leases.lease import At, Lease, Sentinel, is_ahead

if TYPE_CHECKING:
    from tests.simulation.leases.stream import LiveShard
    from tests.simulation.leases.world import World

BALANCED_WITHIN = 1


class Oracle:
    """What is true."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.delivered: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._wanted_from: dict[str, int] = {}
        """Records up to this one came before the first read of a shard that began at LATEST."""
        self._leased: set[str] = set()
        self._deleted_at: dict[str, float] = {}
        self.thefts: set[tuple[str, str]] = set()
        """Who is about to steal which lease."""
        self.read: defaultdict[str, dict[str, Lease]] = defaultdict(dict)
        """The rows that each worker has read."""

    # What happens to the table.

    def created(self, who: str, lease: Lease) -> None:
        key, is_known = lease.key, lease.key in self._leased
        self._leased.add(key)
        if lease.checkpoint is not Sentinel.LATEST:
            self._settled_up_to(who, lease)
            return
        rows = self._world.table.rows.keys() | self.read[who].keys()
        if self._world.stream.shards[key].parents & rows:
            self._breach("a child begins at its oldest record", f"{who} made {key} at LATEST")
        # Nobody is left who knows that what it was made of was read: it is a new beginning.
        self._leased -= self._world.stream.shards[key].parents
        # Whoever came after the row was deleted cannot know.
        if is_known and isinstance(self.read[who].get(key), Lease):
            self._breach("a row that is made anew goes on", f"{who} made {key} at LATEST")

    def written(self, who: str, before: Lease, after: Lease) -> None:
        key = before.key
        if after.checkpoint != before.checkpoint:
            if owner_until_handed_over(before) != who:
                self._breach("only the owner writes checkpoints", f"{who} wrote {key} of {before.owner}")
            if is_ahead(before.checkpoint, after.checkpoint) or after.checkpoint in (
                Sentinel.TRIM_HORIZON,
                Sentinel.LATEST,
            ):
                self._breach("a checkpoint never goes back", f"{key}: {before} {after}")
            self._settled_up_to(who, after)
        if owner_until_handed_over(after) == who and owner_until_handed_over(before) not in (None, who):
            self._took(who, key)
        if after.checkpoint is Sentinel.SHARD_END:
            shard = self._world.stream.shards[key]
            if not shard.is_closed:
                self._breach("only a closed shard ends", key)
            self._children_have_leases(shard)

    def _took(self, who: str, key: str) -> None:
        """Somebody took a lease from its owner, who must have stopped, unless it is a plain theft."""
        if (who, key) not in self.thefts:
            self._only_one_owner(who, key)

    def _children_have_leases(self, shard: LiveShard) -> None:
        """The KCL makes leases of children when their parent ends, and never later."""
        for child in self._world.stream.shards.values():
            is_missing = child.key not in self._world.table.rows and child.key not in self._deleted_at
            if shard.is_listed and shard.key in child.parents and is_missing:
                self._breach("a shard ends after what it became has leases", f"{shard.key}: {child.key}")

    def deleted(self, who: str, lease: Lease) -> None:
        if not lease.is_finished:
            self._breach("only rows of finished shards are deleted", f"{who} deleted {lease.key}")
        rows = self._world.table.rows
        for child in self._world.stream.shards.values():
            is_waiting = child.key in rows and rows[child.key].checkpoint in tuple(Sentinel)[:3]
            if lease.key in child.parents and is_waiting:
                self._breach("a row stays while a child waits for it", f"{who} deleted {lease.key}")

    def somebody_deletes(self, key: str) -> None:
        self._deleted_at[key] = self._world.loop.time()

    def _settled_up_to(self, who: str, lease: Lease) -> None:
        checkpoint = lease.checkpoint
        if not isinstance(checkpoint, At) and checkpoint is not Sentinel.SHARD_END:
            return
        for record in self.wanted(lease.key):
            if isinstance(checkpoint, At) and record > checkpoint.sequence:
                break
            if not self.delivered[lease.key][record]:
                self._breach(
                    "a checkpoint is never ahead of what is settled", f"{who} {lease.key} {checkpoint}"
                )

    # What workers do.

    def begins_at_latest(self, key: str, tip: int) -> None:
        self._wanted_from[key] = tip

    def wanted(self, key: str) -> list[int]:
        first = self._wanted_from.get(key, 0)
        return [record for record in self._world.stream.shards[key].records if record > first]

    def sealed(self, who: str, key: str, *, is_foreign: bool = False) -> None:
        """A worker begins to deliver a record."""
        if not is_foreign:
            self._only_one_owner(who, key)
        for parent in self._world.stream.shards[key].parents & self._leased:
            if any(not self.delivered[parent][record] for record in self.wanted(parent)):
                self._breach("a shard waits for what it was made of", f"{who} read {key} before {parent}")

    def _only_one_owner(self, who: str, key: str) -> None:
        # Whoever has it learns with its next renewal that its row was deleted.
        if self._world.loop.time() - self._deleted_at.get(key, -1e9) < 20:
            return
        for other in self._world.alive():
            if other.worker_id != who and other.keeper.owns(key):
                self._breach("a shard has one owner", f"{who} and {other.worker_id} have {key}")

    def gave_up(self, who: str, key: str, reason: str) -> None:
        row = self._world.table.rows.get(key)
        if reason == "taken_by_another" and row is not None and owner_until_handed_over(row) == who:
            self._breach("no lease is given up for its own lost answer", f"{who} {key}")

    # What is true at the end.

    def unsettled(self) -> list[str]:
        return [
            key
            for key in self._world.stream.shards
            if any(not self.delivered[key][record] for record in self.wanted(key))
            and (key in self._leased or self._world.schedule.start is not Sentinel.LATEST)
        ]

    def amiss(self) -> str | None:
        """What keeps the end from being good."""
        world = self._world
        lost = self.unsettled()
        if lost:
            return f"not all of {', '.join(lost)} was delivered"
        workers = world.alive()
        loads = Counter({each.worker_id: 0 for each in workers})
        for shard in world.stream.open_shards():
            owners = [each.worker_id for each in workers if each.keeper.owns(shard.key)]
            row = world.table.rows.get(shard.key)
            if len(owners) != 1 or row is None or row.owner != owners[0] or row.checkpoint_owner:
                return f"{shard.key} is owned by {owners}: {row}"
            loads[owners[0]] += 1
            records = self.wanted(shard.key)
            if records and row.checkpoint != At(records[-1]):
                return f"{shard.key} is checkpointed at {row.checkpoint}, and settled to {records[-1]}"
        if max(loads.values()) - min(loads.values()) > BALANCED_WITHIN:
            return f"not balanced: {dict(loads)}"
        open_ended = [
            row.key
            for row in world.table.rows.values()
            if world.stream.shards[row.key].is_closed and not row.is_finished
        ]
        return f"{', '.join(open_ended)} did not end" if open_ended else None

    def repeats(self) -> int:
        return sum(times - 1 for each in self.delivered.values() for times in each.values())

    def _breach(self, promise: str, how: str) -> None:
        self._world.breach(promise, how)
