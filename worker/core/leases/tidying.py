"""Tidying: when the row of a shard that is done may be deleted.

The rules are those of the KCL's clean-up, and one more: the stream does not list the shard any more. So no
row is deleted from which it could still be seen that a shard was read, or that another was made of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.leases.shard_tree import is_begun

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from worker.core.leases.lease import Lease


def rows_to_delete(leases: Mapping[str, Lease], shards: Collection[str]) -> tuple[Lease, ...]:
    """Return the rows that nobody needs any more.

    Args:
        leases: all leases of the streams that are listed, by key.
        shards: the keys of all shards that are listed.
    """
    children: dict[str, set[str]] = {key: set(lease.children) for key, lease in leases.items()}
    for lease in leases.values():
        for parent in lease.parents & leases.keys():
            children[parent].add(lease.key)
    return tuple(
        lease
        for lease in leases.values()
        if lease.is_finished
        and lease.key not in shards
        and not lease.parents & leases.keys()
        and children[lease.key]
        and all(child in leases and is_begun(leases[child]) for child in children[lease.key])
    )
