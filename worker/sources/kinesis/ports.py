"""Ports: what the lease keeper needs of the table, in which every change is one conditional write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from worker.core.leases.lease import Lease


class Written(Struct, frozen=True):
    """The table took the write."""

    lease: Lease
    """The row as it is in the table now."""


class Conflict(Struct, frozen=True):
    """The write's condition failed, and nothing was written."""

    found: Lease | None
    """The row as it is; None: it is gone."""


class TableFault(Struct, frozen=True):
    """Nothing is known: it may have been written, or not."""

    code: str
    message: str = ""
    retryable: bool = True


class LeaseTable(Protocol):
    """The KCL's table. Nothing here raises anything but cancellation."""

    async def scan(self) -> tuple[Lease, ...] | TableFault:
        """Read all leases, consistently; rows that are no leases are skipped."""

    async def create(self, lease: Lease) -> Written | Conflict | TableFault:
        """Write the row if there is none with its key."""

    async def replace(self, before: Lease, after: Lease) -> Written | Conflict | TableFault:
        """Write what differs, if counter and owner are still those of ``before``.

        ``after.counter`` is ``before.counter + 1``, except where the KCL leaves the counter: when a hand-over
        is asked for. Fields that this worker does not know stay as they are.
        """

    async def delete(self, lease: Lease) -> Written | Conflict | TableFault:
        """Delete the row if its counter is still that of ``lease``."""
