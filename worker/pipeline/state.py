"""What the parts of one worker's flow have in common: its state, and how it is woken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.batching.session_queues import SessionQueues
    from worker.pipeline.permits import Permits
    from worker.pipeline.unsettled_records import UnsettledRecords
    from worker.pipeline.wakeup import Wakeup
    from worker.ports import PipelineMetrics


class PipelineState(Struct, frozen=True):
    """All of it lives on one loop, so nobody locks."""

    unsettled: UnsettledRecords
    """What is held, and what is done with."""
    queues: SessionQueues
    """What waits to be sent."""
    permits: Permits
    """Where calls wait for their turn."""
    metrics: PipelineMetrics
    work: Wakeup
    """Woken when a session may have become due, or a place for a batch free."""
    assignments_ended: Wakeup
    """Woken when an assignment has ended: what waits for it need not wait on."""
    clock: Callable[[], float]
    """The loop's, in seconds."""
