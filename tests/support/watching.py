"""The status of a stage's worker, with a Kafka that complains of nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.model.snapshot import SourceStatus
from worker.status import Status
from worker.status.readiness import Watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.stage import Stage
    from worker.core.model.snapshot import KeysStatus, PartitionGauges


class ContentSource:
    """What a source tells beside records: nothing."""

    def status(self) -> SourceStatus:
        return SourceStatus()

    def shown(self, position: int) -> int:
        return position

    def partitions(self) -> tuple[PartitionGauges, ...]:
        return ()


def status_of(stage: Stage, keys: Callable[[], KeysStatus | None] = lambda: None) -> Status:
    status = Status(stage.loop.time, version="1.2.3", group="g")
    status.watch(Watched(stage.worker, ContentSource(), lambda: None, keys))
    return status
