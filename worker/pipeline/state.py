"""What the parts of one worker's flow have in common: its state, and how it is woken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.batching.session_queues import SessionQueues
    from worker.pipeline.permits import Turnstile
    from worker.pipeline.unsettled_records import Books
    from worker.pipeline.wakeup import Wakeup
    from worker.ports import Meter


class Shared(Struct, frozen=True):
    """All of it lives on one loop, so nobody locks."""

    books: Books
    """What is held, and what is done with."""
    queues: SessionQueues
    """What waits to be sent."""
    turnstile: Turnstile
    """Where calls wait for the gate."""
    meter: Meter
    work: Wakeup
    """Woken when a session may have become due, or a place for a batch free."""
    leases_ended: Wakeup
    """Woken when a lease has ended: what waits for it need not wait on."""
    clock: Callable[[], float]
    """The loop's, in seconds."""
