"""Leases that this worker has, for as long as its own clock says so, and what the source is told of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct

from worker.core.leases.expiry import valid_until
from worker.core.leases.handover import given_up_at, is_asked_of
from worker.core.leases.lease import Checkpoint, Lease, is_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = structlog.get_logger(__name__)


class Changes(Struct, frozen=True):
    """What happened to the leases since it was last asked, in this order: lost, gained, wanted."""

    lost: tuple[str, ...] = ()
    """Keys of leases that are gone: stolen, expired, or without a row. Nothing may be checkpointed."""
    gained: tuple[Lease, ...] = ()
    """Leases to begin to read, after their checkpoints. One that was lost may come again."""
    wanted: tuple[str, ...] = ()
    """Keys of leases that another worker asks for: flush, note the checkpoint, and hand over."""


class HeldLease:
    """One lease from the write that took it until it is lost or given up. It never comes back to life."""

    __slots__ = (
        "asked_until",
        "attempts",
        "is_given_away",
        "is_told",
        "key",
        "known",
        "lock",
        "noted",
        "sent",
        "valid_until",
    )

    def __init__(self, lease: Lease, sent: float, failover_seconds: float) -> None:
        self.key = lease.key
        self.known = lease
        """The row as it was last known to be."""
        self.sent = sent
        """When the last good write was sent that found no other worker asking."""
        self.valid_until = valid_until(sent, failover_seconds)
        self.asked_until: float | None = None
        """Until when it has to be handed over, once it is asked for."""
        self.noted: Checkpoint = lease.checkpoint
        """The checkpoint that the next write carries."""
        self.attempts: dict[Lease, float] = {}
        """What was tried to be made of ``known`` without an answer, and when it was first sent."""
        self.lock = asyncio.Lock()
        """One write at a time: else a refusal could not be told from this worker's own other write."""
        self.is_given_away = False
        """Whether this worker is giving it up by itself."""
        self.is_told = False
        """Whether the source knows of it, because it is readable."""

    def note(self, checkpoint: Checkpoint) -> None:
        """Have the next write carry this, if it is further."""
        if is_ahead(checkpoint, self.noted):
            self.noted = checkpoint

    def believe(self, row: Lease) -> None:
        """Go on from this row."""
        self.known = row
        self.attempts.clear()

    def is_valid(self, now: float) -> bool:
        """Whether it is this worker's for certain."""
        return now < self.valid_until and (self.asked_until is None or now < self.asked_until)


class HeldLeases:
    """All leases that this worker has.

    Args:
        worker_id: this worker's.
        failover_seconds: for so long a lease is its owner's after a good write was sent.
        clock: seconds, monotonic.
    """

    def __init__(self, worker_id: str, failover_seconds: float, clock: Callable[[], float]) -> None:
        self._worker_id = worker_id
        self._failover_seconds = failover_seconds
        self._clock = clock
        self._held: dict[str, HeldLease] = {}
        self._lost: dict[str, None] = {}
        self._gained: dict[str, Lease] = {}
        self._wanted: dict[str, None] = {}
        self.given_up: list[HeldLease] = []
        """Those not handed over in time; their rows should say so."""
        self.without_row: list[HeldLease] = []
        """Those whose rows somebody deleted; they should be made anew."""
        self.lost_total = 0

    def add(self, lease: Lease, sent: float) -> HeldLease:
        """Have a lease that a write took that was sent then."""
        if (before := self._held.get(lease.key)) is not None:
            # Its row was deleted and made anew, before this worker could see it.
            self.lose(before, "row_deleted")
        held = HeldLease(lease, sent, self._failover_seconds)
        self._held[lease.key] = held
        return held

    def get(self, key: str) -> HeldLease | None:
        """Return the lease if it is this worker's at this moment."""
        held = self._held.get(key)
        return held if held is not None and self.is_current(held) else None

    def all(self) -> tuple[HeldLease, ...]:
        """Return those that are this worker's at this moment."""
        return tuple(held for held in tuple(self._held.values()) if self.is_current(held))

    def keys(self) -> frozenset[str]:
        """Return their keys."""
        return frozenset(held.key for held in self.all())

    def is_current(self, held: HeldLease) -> bool:
        """Whether it is this worker's at this moment. Once it is not, it is lost."""
        if self._held.get(held.key) is not held:
            return False
        now = self._clock()
        if held.is_valid(now):
            return True
        if now < held.valid_until:
            self.given_up.append(held)
            self.lose(held, "not_handed_over_in_time")
        else:
            self.lose(held, "not_renewed_in_time")
        return False

    def extend(self, held: HeldLease, sent: float) -> None:
        """A write that was sent then is in the table."""
        held.valid_until = max(held.valid_until, valid_until(sent, self._failover_seconds))
        if held.asked_until is None:
            held.sent = max(held.sent, sent)

    def look_whether_asked(self, held: HeldLease) -> None:
        """Tell the source if another worker asks for it by now."""
        if held.asked_until is not None or not is_asked_of(held.known, self._worker_id):
            return
        held.asked_until = given_up_at(held.sent)
        if held.is_told:
            self._wanted[held.key] = None
        log.info("lease.asked_for", shard=held.key, by=held.known.owner)

    def tell(self, held: HeldLease) -> None:
        """Tell the source of it: it may be read."""
        held.is_told = True
        self._gained[held.key] = held.known

    def lose(self, held: HeldLease, why: str) -> None:
        """Another has it, or might by now; the source is told if it knows of it."""
        if held.is_given_away:
            self.drop(held)
            return
        was_taken_up = held.is_told and held.key not in self._gained
        self.drop(held)
        if was_taken_up:
            self._lost[held.key] = None
        self.lost_total += 1
        log.warning("lease.lost", shard=held.key, reason=why)

    def drop(self, held: HeldLease) -> None:
        """Have it no more, as the source knows."""
        if self._held.get(held.key) is held:
            del self._held[held.key]
            self._wanted.pop(held.key, None)
            self._gained.pop(held.key, None)

    def take_changes(self) -> Changes:
        """Return what happened since this was last asked."""
        self.all()
        changes = Changes(tuple(self._lost), tuple(self._gained.values()), tuple(self._wanted))
        for told in (self._lost, self._gained, self._wanted):
            told.clear()
        return changes

    def told(self) -> Iterable[HeldLease]:
        """Return those that the source may read."""
        return (held for held in self.all() if held.is_told)
