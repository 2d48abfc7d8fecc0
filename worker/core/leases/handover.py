"""Hand-overs: how one worker asks another for a lease, so that nothing in flight is done twice.

The protocol is that of KCL 3. Who wants the lease writes itself down as its owner and the one that has it as
its checkpoint owner, and leaves the counter. The checkpoint owner sees that at its next renewal, flushes,
writes its last checkpoint and removes itself. Only workers of this kind are asked, because others may not
know the protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.core.leases.lease import Lease

DEADLINE_SECONDS: Final = 30.0
"""The KCL's: for so long the owner may flush."""


def owner_until_handed_over(lease: Lease) -> str | None:
    """Return who may still write checkpoints."""
    return lease.checkpoint_owner or lease.owner


def is_under_way(lease: Lease) -> bool:
    """Whether somebody asked for it, and does not have it yet."""
    return lease.checkpoint_owner is not None


def is_asked_of(lease: Lease, worker_id: str) -> bool:
    """Whether this worker is asked to hand it over."""
    return lease.checkpoint_owner == worker_id and lease.owner != worker_id


def is_awaited_by(lease: Lease, worker_id: str) -> bool:
    """Whether this worker asked for it."""
    return lease.owner == worker_id and lease.checkpoint_owner not in (None, worker_id)


def is_of_one_kind(worker_id: str, other: str) -> bool:
    """Whether both ids begin with the same kind of worker: ``kind/pod/random``."""
    kind, slash, _ = worker_id.partition("/")
    return bool(slash) and other.startswith(f"{kind}/")


def is_overtaken(lease: Lease, worker_id: str) -> bool:
    """Whether a worker of another kind took it from two of this kind that were at a hand-over.

    KCL 2 knows no hand-overs and leaves the checkpoint owner in the row.
    """
    owner, asked = lease.owner, lease.checkpoint_owner
    if owner is None or asked is None:
        return False
    return is_of_one_kind(worker_id, asked) and not is_of_one_kind(worker_id, owner)


def given_up_at(last_good_write: float) -> float:
    """Return when the owner stops, if it has not flushed by then.

    Args:
        last_good_write: when its last write was sent that still found itself the only owner. The request came
            later, so the owner stops before the one that asked takes the lease.
    """
    return last_good_write + DEADLINE_SECONDS


def taken_at(asked: float, failover_seconds: float) -> float:
    """Return when the worker that asked takes the lease if it is not handed over.

    Args:
        asked: when the answer to its request came, or when it first saw that it is waiting.
        failover_seconds: what the owner has, as in the KCL, to see that it is asked.
    """
    return asked + DEADLINE_SECONDS + failover_seconds
