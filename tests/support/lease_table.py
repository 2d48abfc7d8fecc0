"""The KCL's table in memory, whose faults a test decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from worker.sources.kinesis.ports import Conflict, TableFault, Written

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.leases.lease import Lease

Answer: TypeAlias = "Written | Conflict | TableFault"
AWAY = TableFault("ConnectionRefused")


class LeaseTableTwin:
    """Conditional writes, as in DynamoDB."""

    def __init__(self, *rows: Lease) -> None:
        self.rows = {row.key: row for row in rows}
        self.is_away = False
        self.answers_to_lose = 0
        """So many of the next writes take effect, and their answers are lost."""
        self.writes: list[tuple[Lease, Lease]] = []
        """What took effect: the row before and after."""
        self.scans = 0

    async def scan(self) -> tuple[Lease, ...] | TableFault:
        self.scans += 1
        return AWAY if self.is_away else tuple(self.rows.values())

    async def create(self, lease: Lease) -> Answer:
        return self._answer(lambda: self._create(lease))

    async def replace(self, before: Lease, after: Lease) -> Answer:
        return self._answer(lambda: self._replace(before, after))

    async def delete(self, lease: Lease) -> Answer:
        return self._answer(lambda: self._delete(lease))

    def _answer(self, write: Callable[[], Answer]) -> Answer:
        if self.is_away:
            return AWAY
        answer = write()
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            return TableFault("timeout")
        return answer

    def _create(self, lease: Lease) -> Answer:
        if lease.key in self.rows:
            return Conflict(self.rows[lease.key])
        self.rows[lease.key] = lease
        return Written(lease)

    def _replace(self, before: Lease, after: Lease) -> Answer:
        row = self.rows.get(before.key)
        if row is None or (row.counter, row.owner) != (before.counter, before.owner):
            return Conflict(row)
        self.writes.append((row, after))
        self.rows[before.key] = after
        return Written(after)

    def _delete(self, lease: Lease) -> Answer:
        row = self.rows.get(lease.key)
        if row is None or row.counter != lease.counter:
            return Conflict(row)
        return Written(self.rows.pop(lease.key))
