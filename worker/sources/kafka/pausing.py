"""What of the partitions flows: all of them, or none.

librdkafka keeps the pause of a partition that was taken away, for whenever it comes back, and a pause of one
that was never its own has no effect. So what is paused is never concluded from what was told before: after
each assignment all that is ours is told again, by name. Telling it what it knows does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from confluent_kafka import KafkaError
    from confluent_kafka.aio import AIOConsumer

    from worker.core.model.partition import Partition


class PauseControl:
    """Whether receiving is paused."""

    def __init__(self, ours: Callable[[], Collection[Partition]], heed: Callable[[KafkaError], None]) -> None:
        """Begin with all flowing.

        Args:
            ours: the partitions that are assigned now.
            heed: is given what Kafka complains of.
        """
        self._ours = ours
        self._heed = heed
        self._is_told = True
        self.is_on = False

    async def turn(self, consumer: AIOConsumer, *, on: bool) -> None:
        """Pause, or resume."""
        self.is_on = on
        await self._tell(consumer)

    def assigned(self) -> None:
        """There are partitions that librdkafka may believe to be paused, or not."""
        self._is_told = False

    async def keep(self, consumer: AIOConsumer) -> None:
        """Tell of partitions that came since, and again what could not be told."""
        if not self._is_told:
            await self._tell(consumer)

    async def _tell(self, consumer: AIOConsumer) -> None:
        self._is_told = False
        tell = consumer.pause if self.is_on else consumer.resume
        try:
            await tell([TopicPartition(*each) for each in self._ours()])
        except KafkaException as raised:
            self._heed(raised.args[0])
        else:
            self._is_told = True
