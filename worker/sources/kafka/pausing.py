"""Pauses and resumes the partitions: all of them, or none.

librdkafka remembers the pause of a partition that was revoked, for whenever it comes back, and pausing a
partition that was never assigned has no effect. So the state is never inferred from earlier calls: after each
assignment, everything that is ours is paused or resumed again, by name. Repeating a call has no effect.
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
    """Whether receiving is paused; it is not at first.

    Args:
        ours: returns the partitions that are assigned now.
        on_error: called with errors from Kafka.
    """

    def __init__(
        self, ours: Callable[[], Collection[Partition]], on_error: Callable[[KafkaError], None]
    ) -> None:
        self._ours = ours
        self._on_error = on_error
        self._is_told = True
        self.is_on = False

    async def turn(self, consumer: AIOConsumer, *, on: bool) -> None:
        """Pause, or resume."""
        self.is_on = on
        await self._tell(consumer)

    def assigned(self) -> None:
        """Note that librdkafka may have the wrong state for some partitions."""
        self._is_told = False

    async def keep(self, consumer: AIOConsumer) -> None:
        """Apply the state to partitions that came since, and retry what failed."""
        if not self._is_told:
            await self._tell(consumer)

    async def _tell(self, consumer: AIOConsumer) -> None:
        self._is_told = False
        tell = consumer.pause if self.is_on else consumer.resume
        try:
            await tell([TopicPartition(*each) for each in self._ours()])
        except KafkaException as raised:
            self._on_error(raised.args[0])
        else:
            self._is_told = True
