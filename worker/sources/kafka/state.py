"""What is known of Kafka at any time, each part by who keeps it; of partitions, while they are ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.sources.kafka.client_settings import start_of
from worker.sources.kafka.error_monitor import KafkaErrorMonitor
from worker.sources.kafka.losses import RetentionLosses
from worker.sources.kafka.offsets import Offsets
from worker.sources.kafka.partition_reader import PartitionReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.model.partition import Partition
    from worker.core.offsets.assignment import Assignment
    from worker.sources.kafka.standstill import Place


class KafkaState:
    """The keepers."""

    def __init__(
        self,
        settings: Mapping[str, object],
        clock: Callable[[], float],
        *,
        cut: Callable[[Partition, int], Assignment],
        begun: Callable[[Partition, int], None],
    ) -> None:
        """Begin without partitions; ``settings`` are the consumer's, the rest is for ``PartitionReader``."""
        self.trouble = KafkaErrorMonitor(clock)
        self.losses = RetentionLosses()
        self.offsets = Offsets(settings, clock)
        self.reading = PartitionReader(
            start=start_of(settings),
            cut=cut,
            begun=begun,
            heed=self.trouble.note,
            skipped=self.losses.skipped,
        )

    def place(self, key: Partition) -> Place:
        """Where a partition is."""
        return self.offsets.place(key, self.reading.next_offset(key))

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        """The broker has these of ours."""
        self.offsets.note_committed(offsets)
        self.losses.committed(offsets)
        self.trouble.committed(offsets)

    def forget(self, keys: Sequence[Partition]) -> None:
        """These are not ours any more, or anew."""
        self.reading.end(keys)
        self.offsets.forget(keys)
        self.losses.forget(keys)
        self.trouble.forget(keys)
