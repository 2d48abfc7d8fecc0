"""Watches the lease table: what is checkpointed is done, by whom it may, and what is read may be read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from worker.core.leases.positions import position_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.kinesis.member import KinesisMember
    from tests.simulation.kinesis.world import World

SHARD_END: Final = "SHARD_END"
# It looks every 0.4 s, and not for a second while memory is full.
_UNTIL_IT_LOOKS_SECONDS: Final = 1.5


class LeaseOracle:
    """Of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._began_at_latest: set[tuple[str, int]] = set()
        self._ceded: dict[tuple[str, int], float] = {}
        """When a row became another's, by who had it and the shard."""
        self._deleted: Counter[str] = Counter()

    def was_deleted(self, key: str) -> bool:
        return key in self._deleted

    def table_written(self, member: KinesisMember, key: str, before: Mapping[str, str] | None) -> None:
        """A row was made, changed or deleted by a worker."""
        after = self._world.row(key)
        if after is None:
            self._world.note("table", key[-3:], "is deleted by", member.name)
            return
        owner, checkpoint = after.get("leaseOwner"), after["checkpoint"]
        was = None if before is None else before["checkpoint"]
        if before is None or owner != before.get("leaseOwner") or checkpoint != was:
            self._world.note("table", key[-3:], owner, _shown(after), "by", member.name)
        number = int(key.rpartition("-")[2])
        position = position_in(after)
        self._note_holder(number, _holder(before), _holder(after))
        if before is None and checkpoint == "LATEST":
            self._leave_out_ancestors(key)
        if checkpoint == SHARD_END:
            self._check_end(member, key)
        elif position is not None:
            self.check_position(number, position, f"{member.name} checkpoints")
        if before is None or (checkpoint, position) == (was, position_in(before)):
            return
        if _holder(before) != member.worker_id:
            self._world.breach("only the owner checkpoints", f"{member.name} of {dict(before)}")
        if (position or 0) < (position_in(before) or 0) and checkpoint != SHARD_END:
            self._world.breach(
                "a checkpoint never goes back", f"{member.name}: {dict(before)} to {dict(after)}"
            )
        if was == SHARD_END:
            self._world.breach("a checkpoint never goes back", f"{member.name}: {key} was finished")

    def _note_holder(self, number: int, before: str | None, after: str | None) -> None:
        if after is not None:
            self._ceded.pop((after, number), None)
        if before not in (None, after):
            self._ceded[before, number] = self._world.loop.time()

    def check_owner(self, member: KinesisMember, number: int) -> None:
        """Of a shard that another has, no call begins, but for the moment until the source looks."""
        ceded = self._ceded.get((member.worker_id, number))
        since = None if ceded is None else self._world.loop.time() - max(ceded, member.thawed_at)
        if since is not None and since > _UNTIL_IT_LOOKS_SECONDS:
            self._world.breach("nothing is sent of a lease that is lost", f"{member.name} of shard {number}")

    def checkpointed(self, member: KinesisMember, number: int) -> int | None:
        """How far a shard that a worker begins is done, by its row."""
        row = self._world.row(f"shardId-{number:012d}")
        return position_in(row) if row is not None and row.get("leaseOwner") == member.worker_id else None

    def row_deleted(self, key: str) -> None:
        """Somebody deleted it, who is no worker."""
        self._deleted[key] += 1

    def _leave_out_ancestors(self, key: str) -> None:
        """What a shard was made of that begins with LATEST is read by nobody."""
        for parent in self._world.stream.shards[key].parents:
            if self._world.row(parent) is None and parent in self._world.stream.shards:
                for record in self._world.truth.of_shard(self._world.stream.shards[parent].number):
                    record.gone = True
                self._leave_out_ancestors(parent)

    def iterator_given(self, member: KinesisMember, request: Mapping[str, Any]) -> None:
        """Of what came before the first iterator with LATEST nobody has to do anything."""
        if request.get("ShardIteratorType") != "LATEST":
            return
        number = int(request["ShardId"].rpartition("-")[2])
        tenure = (request["ShardId"], self._deleted[request["ShardId"]])
        if tenure in self._began_at_latest:
            self._world.saw("latest again")
            return
        self._began_at_latest.add(tenure)
        self._world.note(member.name, "begins with latest", request["ShardId"])
        for record in self._world.truth.of_shard(number):
            record.gone = True

    def check_position(self, number: int, position: int, who: str) -> None:
        """Nothing up to what is checkpointed may be owed."""
        if (owed := self._world.truth.first_owed(number, position)) is not None:
            self._world.breach("no checkpoint ahead of the truth", f"{who} {position} of {number}: {owed!r}")

    def _check_end(self, member: KinesisMember, key: str) -> None:
        shard = self._world.stream.shards[key]
        owed = self._world.truth.first_owed(shard.number, None)
        if not shard.is_closed or owed is not None:
            self._world.breach("no checkpoint ahead of the truth", f"{member.name} ends {key}: {owed!r}")
        self._world.saw("a shard that was finished")

    def check_parents(self, member: KinesisMember, number: int) -> None:
        """What is read of a shard comes after all of its parents is done."""
        for parent in self._world.shards()[number].parents:
            if parent in self._world.stream.shards:
                owed = self._world.truth.first_owed(self._world.stream.shards[parent].number, None)
                if owed is not None:
                    self._world.breach(
                        "a parent before its child", f"{member.name} reads {number}, not {owed!r}"
                    )


def _holder(row: Mapping[str, str] | None) -> str | None:
    return None if row is None else row.get("checkpointOwner", row.get("leaseOwner"))


def position_in(row: Mapping[str, str]) -> int | None:
    checkpoint = row["checkpoint"]
    if not checkpoint.isdecimal():
        return None
    return position_of(int(checkpoint), int(row.get("checkpointSubSequenceNumber", 0)))


def _shown(row: Mapping[str, str]) -> str:
    position = position_in(row)
    return row["checkpoint"] if position is None else str(position)
