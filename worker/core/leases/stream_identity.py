"""Whether leases are of the stream that is there now, or of another one that had its name before.

A stream that is deleted and made anew has shards of the same ids. Then a lease of the old one would name a
record that is not there, and one that is finished would have a shard taken for done of which nothing was ever
read. So leases bear when their stream was made: where one table serves several streams the KCL's key does,
with one stream an attribute of this worker's own. Of leases without it, as the KCL makes them, only what
can't be is seen: a shard that is done and takes records, and one that is newer than all there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.leases.shard_tree import is_newer_than_all, stream_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from worker.core.leases.lease import Lease
    from worker.core.leases.shards import Shard


def replaced_streams(shards: Mapping[str, Shard], rows: Collection[Lease]) -> frozenset[str]:
    """Return the streams, by what their shards' keys begin with, whose leases are of another stream.

    Args:
        shards: all shards of the streams, by key.
        rows: all leases of the table, those of other streams too.
    """
    made = {stream_of(shard.key): shard.created_at for shard in shards.values()}
    return frozenset(stream for stream, created_at in made.items() if _is_replaced(stream, created_at, rows))


def _is_replaced(stream: str, created_at: int | None, rows: Iterable[Lease]) -> bool:
    own = [row for row in rows if stream_of(row.key) == stream]
    if any(created_at is not None and row.stream_created_at not in (None, created_at) for row in own):
        return True
    # With leases of both, somebody has begun with the new stream already.
    return not own and any(had_its_name(stream, stream_of(row.key)) for row in rows)


def had_its_name(stream: str, other: str) -> bool:
    """Whether another stream had its name, both as the KCL has them: ``account:stream:epoch``."""
    return stream != other and ":" in stream and stream.rpartition(":")[0] == other.rpartition(":")[0]


def contradictions(shards: Mapping[str, Shard], seen: Iterable[Lease]) -> frozenset[str]:
    """Return the streams of which a lease says what can't be of the stream that is there.

    Args:
        shards: all shards of the streams, by key.
        seen: leases as they were before these shards were listed.
    """
    listed = {stream_of(key) for key in shards}
    return frozenset(
        stream_of(lease.key)
        for lease in seen
        if lease.stream_created_at is None
        and stream_of(lease.key) in listed
        and (is_newer_than_all(lease.key, shards) or _is_done_and_open(lease, shards))
    )


def _is_done_and_open(lease: Lease, shards: Mapping[str, Shard]) -> bool:
    shard = shards.get(lease.key)
    return lease.is_finished and shard is not None and not shard.is_closed
