"""Takes leases: what nobody has, what was handed over, and one at a time from who has too many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from worker.core.leases.handover import is_awaited_by, is_under_way, taken_at
from worker.core.leases.taking import choose, left_over
from worker.core.leases.writes import asked_for, taken
from worker.sources.kinesis.ports import Conflict, TableFault, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.core.leases.lease import Lease
    from worker.sources.kinesis.held_leases import HeldLeases
    from worker.sources.kinesis.lease_survey import LeaseSurvey
    from worker.sources.kinesis.ports import LeaseTable
    from worker.sources.kinesis.trouble import Trouble

log = structlog.get_logger(__name__)

# Between the scan and the request the owner may have renewed the lease.
_ASK_TRIES: Final = 3


class LeaseTaker:
    """Takes leases by what the survey has just read.

    Args:
        table: where the leases are.
        survey: what was read of them.
        held: where those go that are taken.
        worker_id: this worker's.
        failover_seconds: what an owner has to see that it is asked.
        clock: seconds, monotonic.
        draw: a number at random, from 0 to 1.
        trouble: told whether the table answers.
    """

    def __init__(  # noqa: PLR0913  what it is made of
        self,
        table: LeaseTable,
        survey: LeaseSurvey,
        held: HeldLeases,
        *,
        worker_id: str,
        failover_seconds: float,
        clock: Callable[[], float],
        draw: Callable[[], float],
        trouble: Trouble,
    ) -> None:
        self._table = table
        self._survey = survey
        self._held = held
        self._worker_id = worker_id
        self._failover_seconds = failover_seconds
        self._clock = clock
        self._draw = draw
        self._trouble = trouble
        self._asked: dict[str, float] = {}
        """When this worker asked for the leases that it waits for."""
        self.taken_total = 0
        self.is_leaving = False
        """Whether no share is to be taken any more, not even the rest of one."""

    @property
    def is_waiting(self) -> bool:
        """Whether a lease was asked for and is not handed over yet."""
        return bool(self._asked)

    async def collect(self) -> bool:
        """Take what is this worker's already: handed over, or left over; True if there was any."""
        leases = self._survey.unfinished
        overdue = self._overdue(leases)
        own = left_over(leases, self._survey.observations, worker_id=self._worker_id, held=self._held.keys())
        for lease in (*own, *(lease for lease in overdue if lease not in own)):
            await self._take(lease)
        return bool(own)

    def _overdue(self, leases: Sequence[Lease]) -> list[Lease]:
        now = self._clock()
        awaited = {lease.key: lease for lease in leases if is_awaited_by(lease, self._worker_id)}
        self._asked = {key: self._asked.get(key, now) for key in awaited}
        return [
            awaited[key]
            for key, asked in self._asked.items()
            if now >= taken_at(asked, self._failover_seconds)
        ]

    async def take_share(self) -> bool:
        """Take what nobody has, or move one lease; False if the table did not answer."""
        choice = choose(
            self._survey.unfinished,
            self._survey.observations,
            worker_id=self._worker_id,
            draw=self._draw,
        )
        stolen = () if choice.steal is None else (choice.steal,)
        answered = [await self._take(lease) for lease in (*choice.take, *stolen) if not self.is_leaving]
        if choice.ask_for is not None and not self.is_leaving:
            answered.append(await self._ask(choice.ask_for))
        return all(answered)

    async def _take(self, lease: Lease) -> bool:
        sent = self._clock()
        after = self._survey.with_its_stream(taken(lease, self._worker_id))
        answer = await self._table.replace(lease, after)
        self._trouble.note(answer, "replace")
        match answer:
            case Written(row):
                self._have(row, lease, sent)
            # Its first answer was lost, and it was sent once more.
            case Conflict(found) if found == after:
                self._have(after, lease, sent)
            case Conflict():
                pass
            case TableFault():
                return False
        return True

    def _have(self, row: Lease, before: Lease, sent: float) -> None:
        self._survey.note(row)
        self._held.add(row, sent)
        self._asked.pop(row.key, None)
        self.taken_total += 1
        log.info("lease.taken", shard=row.key, before=before.checkpoint_owner or before.owner)

    async def _ask(self, lease: Lease) -> bool:
        for _ in range(_ASK_TRIES):
            answer = await self._table.replace(lease, asked_for(lease, self._worker_id))
            self._trouble.note(answer, "replace")
            match answer:
                case Written(row):
                    self._asked[row.key] = self._clock()
                    log.info("lease.asking", shard=row.key, owner=row.checkpoint_owner)
                    return True
                case TableFault():
                    return False
                case Conflict(found):
                    if found is None or found.owner != lease.owner or is_under_way(found):
                        return True
                    lease = found
        return True
