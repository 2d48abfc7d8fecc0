"""Writes: what each change of a lease makes of its row, and what it means when the table refuses one.

Every write is conditional on the counter that was seen, and increments it. So a write by somebody who has
lost the lease changes nothing, however late it comes. A refusal has to be read with care: an answer that was
lost on the way looks like a theft, until one sees that the row holds what this worker wrote itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from worker.core.leases.handover import owner_until_handed_over
from worker.core.leases.lease import Checkpoint, Lease, Sentinel, is_ahead

if TYPE_CHECKING:
    from collections.abc import Collection


def renewed(lease: Lease, checkpoint: Checkpoint | None = None) -> Lease:
    """Renew it, and carry the checkpoint, unless that would take it backwards."""
    after = replace(lease, counter=lease.counter + 1)
    if checkpoint is None or not is_ahead(checkpoint, lease.checkpoint):
        return after
    return replace(after, checkpoint=checkpoint, owner_switches=0)


def finished(lease: Lease, children: Collection[str]) -> Lease:
    """Tell that all of the shard is done, and what it became."""
    return replace(renewed(lease, Sentinel.SHARD_END), children=lease.children | frozenset(children))


def taken(lease: Lease, worker_id: str) -> Lease:
    """Become the owner, with no regard to who was."""
    switches = lease.owner_switches + (owner_until_handed_over(lease) not in (None, worker_id))
    return replace(
        lease,
        owner=worker_id,
        checkpoint_owner=None,
        counter=lease.counter + 1,
        owner_switches=switches,
    )


def asked_for(lease: Lease, worker_id: str) -> Lease:
    """Ask the owner to hand it over.

    The counter stays, as the KCL has it: the owner goes on renewing, and learns of it from the owner's name.
    """
    return replace(lease, owner=worker_id, checkpoint_owner=lease.owner)


def released(lease: Lease, checkpoint: Checkpoint | None = None) -> Lease:
    """Give it up: to nobody, or to the worker that asked for it."""
    after = renewed(lease, checkpoint)
    if lease.checkpoint_owner is not None:
        return replace(after, checkpoint_owner=None, owner_switches=after.owner_switches + 1)
    return replace(after, owner=None)


class AnswerLost(Struct, frozen=True):
    """It is this worker's own write that is in the table, and only its answer was lost: go on from there."""

    lease: Lease


class Asked(Struct, frozen=True):
    """Nothing changed but that another worker asks for the lease: renew it until it is handed over."""

    lease: Lease


class Lost(Struct, frozen=True):
    """It belongs to another, or its row is gone: nothing may be checkpointed any more."""

    found: Lease | None


Refusal: TypeAlias = AnswerLost | Asked | Lost


def meaning_of_refusal(
    worker_id: str, before: Lease, attempts: Collection[Lease], found: Lease | None
) -> Refusal:
    """Tell what it means that a write was refused.

    Args:
        worker_id: this worker's.
        before: the row as it was last known to be.
        attempts: what this worker tried to make of that row, this time and whenever no answer came.
        found: the row as it is; None: it is gone.
    """
    if found is None or owner_until_handed_over(found) != worker_id:
        return Lost(found)
    if found.counter == before.counter and found.checkpoint == before.checkpoint:
        return Asked(found)
    if any(_is_written(each, found) for each in attempts):
        return AnswerLost(found)
    return Lost(found)


def _is_written(attempt: Lease, found: Lease) -> bool:
    """Whether the row is what was tried, or that with somebody asking for it since."""
    if found.counter != attempt.counter or found.checkpoint != attempt.checkpoint:
        return False
    is_asked_since = attempt.checkpoint_owner is None and found.checkpoint_owner == attempt.owner
    is_same = found.owner == attempt.owner and found.checkpoint_owner == attempt.checkpoint_owner
    return is_same or is_asked_since
