"""The state that the parts of one worker's pipeline share, and how it is woken."""

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
    """The shared state. All of it lives on one loop, so there are no locks."""

    unsettled: UnsettledRecords
    """The records that are held, and what is settled."""
    queues: SessionQueues
    """The events that wait to be sent."""
    permits: Permits
    """Where calls wait for their turn."""
    metrics: PipelineMetrics
    work: Wakeup
    """Woken when a session may have become due, or when there may be room for another batch."""
    assignments_ended: Wakeup
    """Woken when an assignment has ended: whoever waits for it need not wait any longer."""
    clock: Callable[[], float]
    """The loop's clock, in seconds."""
