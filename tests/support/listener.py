"""What a source tells of its partitions, heard by somebody who delivers nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from worker.core.offsets.tracker import OffsetTracker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.core.model.boundary import Boundary
    from worker.core.model.partition import Partition
    from worker.core.offsets.assignment import Assignment


class ListenerTwin:
    """Opens, ends and cuts assignments as it is told; implements ``ports.RebalanceListener``."""

    def __init__(self) -> None:
        self.tracker = OffsetTracker()
        self.recounts = 0

    def assigned(self, partitions: Sequence[Partition]) -> Sequence[Assignment]:
        self.recounts += not partitions
        return [self.tracker.open(each) for each in partitions]

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Boundary]:
        await asyncio.sleep(0)
        settled = {each.partition: each.settled_up_to() for each in self.tracker.assignments(partitions)}
        self.lost(partitions)
        return {key: each for key, each in settled.items() if each is not None}

    def cut(self, partition: Partition, position: int) -> Assignment:
        return self.tracker.cut(partition, position)

    def lost(self, partitions: Sequence[Partition]) -> None:
        for each in partitions:
            self.tracker.end(each)

    def committed(self, boundaries: Mapping[Partition, Boundary]) -> None:
        self.tracker.note_committed(boundaries)
