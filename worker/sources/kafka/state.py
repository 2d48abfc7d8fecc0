"""The current knowledge about Kafka, by the part that keeps it; about partitions, while they are ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.sources.kafka.client_settings import start_of
from worker.sources.kafka.error_monitor import KafkaErrorMonitor
from worker.sources.kafka.iam_login import authentication_of
from worker.sources.kafka.losses import RetentionLosses
from worker.sources.kafka.offsets import Offsets
from worker.sources.kafka.partition_reader import PartitionReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.model.partition import Partition
    from worker.core.offsets.assignment import Assignment
    from worker.sources.kafka.standstill import Place


class KafkaState:
    """The parts that keep the knowledge.

    Args:
        settings: the consumer's.
        clock: the loop's.
        cut: passed on to ``PartitionReader``.
        begun: passed on to ``PartitionReader``.
    """

    def __init__(
        self,
        settings: Mapping[str, object],
        clock: Callable[[], float],
        *,
        cut: Callable[[Partition, int], Assignment],
        begun: Callable[[Partition, int], None],
    ) -> None:
        self.trouble = KafkaErrorMonitor(clock, authentication_of(settings))
        self.losses = RetentionLosses()
        self.offsets = Offsets(settings, clock)
        self.reading = PartitionReader(
            start=start_of(settings),
            cut=cut,
            begun=begun,
            on_error=self.trouble.note,
            skipped=self.losses.skipped,
        )

    def place(self, key: Partition) -> Place:
        """Return where a partition is."""
        return self.offsets.place(key, self.reading.next_offset(key))

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        """Note the offsets that the broker has for partitions that are ours."""
        self.offsets.note_committed(offsets)
        self.losses.committed(offsets)
        self.trouble.committed(offsets)

    def forget(self, keys: Sequence[Partition]) -> None:
        """Forget partitions that are no longer ours, or are assigned anew."""
        self.reading.end(keys)
        self.offsets.forget(keys)
        self.losses.forget(keys)
        self.trouble.forget(keys)
