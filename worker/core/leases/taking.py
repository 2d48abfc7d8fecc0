"""Taking: which leases a worker takes, so that all have an owner and each worker has its fair share.

The rules are the KCL's. The share is all leases by all workers that have one, rounded up. Leases that nobody
has come first. Only if there are none, one lease is moved, from the worker that has the most.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from worker.core.leases.handover import is_awaited_by, is_of_one_kind, is_overtaken, is_under_way

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from worker.core.leases.expiry import Observations
    from worker.core.leases.lease import Lease


class Choice(Struct, frozen=True):
    """What to do about the leases of others."""

    take: tuple[Lease, ...] = ()
    """Nobody has these."""
    ask_for: Lease | None = None
    """Its owner has too many, and knows how to hand it over."""
    steal: Lease | None = None
    """Its owner has too many, and is of another kind: it learns of it from its next renewal."""


def left_over(
    leases: Iterable[Lease], observations: Observations, *, worker_id: str, held: Collection[str]
) -> tuple[Lease, ...]:
    """Return those that are this worker's by the table, though not in its memory: it takes them at once.

    They expired here and nobody took them, or the answer to taking them was lost, or they were handed over.
    """
    return tuple(
        lease
        for lease in leases
        if lease.owner == worker_id
        and lease.key not in held
        and (not is_under_way(lease) or observations.is_expired(lease))
    )


def choose(
    leases: Sequence[Lease], observations: Observations, *, worker_id: str, draw: Callable[[], float]
) -> Choice:
    """Decide which of the leases of others to take.

    Args:
        leases: those that are not finished, as they were just read.
        observations: whose counters stand still.
        worker_id: this worker's.
        draw: a number at random, so that workers that look at the same table choose differently.
    """
    shuffled = sorted(leases, key=lambda _: draw())
    free = [lease for lease in shuffled if lease.owner != worker_id and observations.is_free(lease)]
    loads = _loads(leases, observations, worker_id)
    share = -(-len(leases) // len(loads))
    missing = max(0, share - loads[worker_id])
    if free:
        # What others leave alone for so long is taken beyond the share.
        rest = [lease for lease in free[missing:] if observations.is_neglected(lease)]
        return Choice(take=(*free[:missing], *rest))
    if not missing or any(is_awaited_by(lease, worker_id) for lease in leases):
        return Choice()
    return _move_one(shuffled, loads, share, missing, worker_id)


def _loads(leases: Sequence[Lease], observations: Observations, worker_id: str) -> Counter[str]:
    """Count the leases of each worker that is alive; what was asked for counts for who asked."""
    loads = Counter({worker_id: 0})
    for lease in leases:
        if lease.owner == worker_id or (lease.owner is not None and not observations.is_free(lease)):
            loads[lease.owner] += 1
    return loads


def _move_one(
    leases: Sequence[Lease], loads: Counter[str], share: int, missing: int, worker_id: str
) -> Choice:
    most = max(loads.values())
    # From one that has no more than its share a lease is moved only if this worker still has less afterwards.
    if most < share or (most == share and missing <= 1):
        return Choice()
    for lease in leases:
        owner = lease.owner
        if owner is None or owner == worker_id or loads[owner] != most:
            continue
        if is_under_way(lease) and not is_overtaken(lease, worker_id):
            continue
        return Choice(ask_for=lease) if is_of_one_kind(worker_id, owner) else Choice(steal=lease)
    return Choice()
