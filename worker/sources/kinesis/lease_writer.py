"""Writes the leases that this worker has: one write at a time a lease, and a refusal is looked at."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from worker.core.leases.writes import AnswerLost, Asked, Lost, meaning_of_refusal
from worker.sources.kinesis.ports import Conflict, TableFault, Written

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.core.leases.lease import Lease
    from worker.sources.kinesis.held_leases import HeldLease, HeldLeases
    from worker.sources.kinesis.ports import LeaseTable
    from worker.sources.kinesis.trouble import Trouble

# A refusal may tell that an answer was lost, and the next that another worker asks: more do not follow in a
# row.
_MOST_REFUSALS: Final = 4
_RETRY_SECONDS: Final = 1.0


class Outcome(Enum):
    """What became of a write."""

    WRITTEN = auto()
    LOST = auto()
    """The lease is not this worker's any more."""
    UNKNOWN = auto()
    """There was no answer that counts: it may be in the table or not."""


class LeaseWriter:
    """Writes held leases.

    Args:
        table: where they are.
        held: the leases.
        worker_id: this worker's.
        clock: seconds, monotonic.
        sleep: waits so many seconds.
        trouble: told whether the table answers.
    """

    def __init__(  # noqa: PLR0913  what it is made of
        self,
        table: LeaseTable,
        held: HeldLeases,
        *,
        worker_id: str,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        trouble: Trouble,
    ) -> None:
        self._table = table
        self._held = held
        self._worker_id = worker_id
        self._clock = clock
        self._sleep = sleep
        self._trouble = trouble

    async def write(self, lease: HeldLease, change: Callable[[Lease], Lease]) -> Outcome:
        """Make of the row what ``change`` says, tried once."""
        async with lease.lock:
            for _ in range(_MOST_REFUSALS):
                outcome = await self._write_once(lease, change(lease.known))
                if outcome is not None:
                    return outcome
        return Outcome.UNKNOWN

    async def write_until_known(self, lease: HeldLease, change: Callable[[Lease], Lease]) -> Outcome:
        """Make of the row what ``change`` says, and try again until that is done or the lease is lost."""
        while True:
            outcome = await self.write(lease, change)
            if outcome is not Outcome.UNKNOWN:
                return outcome
            await self._sleep(_RETRY_SECONDS)

    async def _write_once(self, lease: HeldLease, after: Lease) -> Outcome | None:
        """Return None if the table refused it and the row is understood now: to be tried anew."""
        if not self._held.is_current(lease):
            return Outcome.LOST
        sent = self._clock()
        lease.attempts.setdefault(after, sent)
        answer = await self._table.replace(lease.known, after)
        self._trouble.note(answer, "replace")
        # What was lost meanwhile stays lost, though the row be renewed: the source was told already.
        if not self._held.is_current(lease):
            return Outcome.LOST
        match answer:
            case Written(row):
                lease.believe(row)
                self._held.extend(lease, sent)
                return Outcome.WRITTEN
            case TableFault():
                return Outcome.UNKNOWN
            case Conflict(found):
                return self._understand(lease, found)

    def _understand(self, lease: HeldLease, found: Lease | None) -> Outcome | None:
        match meaning_of_refusal(self._worker_id, lease.known, lease.attempts.keys(), found):
            case AnswerLost(row):
                sent = min(
                    when for tried, when in lease.attempts.items() if tried.checkpoint == row.checkpoint
                )
                lease.believe(row)
                self._held.extend(lease, sent)
            case Asked(row):
                lease.believe(row)
            case Lost(row):
                if row is None:
                    self._held.without_row.append(lease)
                self._held.lose(lease, "taken_by_another" if row else "row_deleted")
                return Outcome.LOST
        self._held.look_whether_asked(lease)
        return None
