"""A consumer of librdkafka with threads of its own, so that one can take the place of another.

Whoever gives way may hang: a consumer that the brokers take no more waits for a commit that nobody answers.
It is given up then, and what it says from there on is not heard. Its commits change nothing: the group is in
another generation once its successor has partitions.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog
from confluent_kafka.aio import AIOConsumer

from worker.sources.kafka.client_settings import start_of
from worker.sources.kafka.statistics import statistics_ms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    Callback: TypeAlias = Callable[..., Awaitable[None]]

log = structlog.get_logger(__name__)

# poll, the callback for which it waits, and what that callback calls.
_THREADS: Final = 4
# After this long without partitions, leaving is hardly a matter of time.
_LEAVE_SECONDS: Final = 5.0
# With partitions: above the flush of a revoke and its commit, unless configured longer; then it is cut short.
_MOST_LEAVE_SECONDS: Final = 270.0


class Client:
    """A consumer and its threads. Create it on the loop; nothing is subscribed to.

    Args:
        settings: librdkafka's, for a consumer.
        callbacks: librdkafka's, by name; coroutines.

    Raises:
        KafkaException: librdkafka can't use the settings, or a file that they name.
    """

    def __init__(self, settings: Mapping[str, object], callbacks: Mapping[str, Callback]) -> None:
        ours: dict[str, object] = {"statistics.interval.ms": statistics_ms(settings)}
        # After an offset out of range, a log is read from its start. Only a partition without a committed
        # offset begins at the end, and that is done by the source.
        if start_of(settings) == "latest":
            ours["auto.offset.reset"] = "earliest"
        heard = {name: self._heard(callback) for name, callback in callbacks.items()}
        # close would wait for the executor that the consumer creates itself, however long a broker blocks it.
        self.threads = ThreadPoolExecutor(_THREADS, "kafka")
        self.consumer = AIOConsumer({**settings, **ours, **heard}, executor=self.threads)
        self._is_given_up = False

    async def subscribe(self, topics: Sequence[str], **callbacks: Callback) -> None:
        """Join the group; partitions come and go by the callbacks, within calls of the consumer."""
        heard = {name: self._heard(callback) for name, callback in callbacks.items()}
        await self.consumer.subscribe(list(topics), **heard)

    async def close(self) -> None:
        """Leave the group; this may be cancelled."""
        try:
            await self.consumer.close()
        finally:
            self.threads.shutdown(wait=False)

    async def give_way(self, has_partitions: Callable[[], bool]) -> None:
        """Leave the group for a successor, and wait for that while it is of use.

        Args:
            has_partitions: whether there still are some to give back.
        """
        closing = asyncio.ensure_future(self.close())
        ends = asyncio.get_running_loop().time() + _MOST_LEAVE_SECONDS
        try:
            while not (await asyncio.wait((closing,), timeout=_LEAVE_SECONDS))[0]:
                if not has_partitions() or asyncio.get_running_loop().time() >= ends:
                    self._is_given_up = True
                    closing.add_done_callback(_forget)
                    log.warning(
                        "kafka.leave_timed_out", effect="the group notices it after session.timeout.ms"
                    )
                    return
        except asyncio.CancelledError:
            closing.cancel()
            raise
        closing.result()

    def _heard(self, callback: Callback) -> Callback:
        async def hear(*told: Any) -> None:  # noqa: ANN401  whatever librdkafka tells
            if not self._is_given_up:
                await callback(*told)

        return hear


def _forget(closing: asyncio.Future[None]) -> None:
    """Take notice of how it ended at last, which matters to nobody."""
    if not closing.cancelled():
        closing.exception()
