"""What Kafka complains of: said now and again, and over when records flow or nothing more is heard.

librdkafka repeats itself twenty times a second while a broker is away, and says nothing when it is back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from worker.core.repeats import Repeats

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import KafkaError

log = structlog.get_logger(__name__)

_LASTS_SECONDS: Final = 15.0


class KafkaUnusable(Exception):  # noqa: N818  it names the state
    """librdkafka says that this client can't go on."""


class Trouble:
    """The latest complaint."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin without one; ``clock`` is the loop's."""
        self._clock = clock
        self._repeats = Repeats()
        self._latest: tuple[float, str] | None = None

    def note(self, error: KafkaError) -> None:
        """Hear a complaint.

        Raises:
            KafkaUnusable: it is fatal, as for a static member that was fenced.
        """
        if error.fatal():
            raise KafkaUnusable(error.str())
        now = self._clock()
        self._latest = (now, f"{error.name()}: {error.str()}")
        if times := self._repeats.note(error.name(), now):
            log.warning("kafka.trouble", error=error.name(), says=error.str(), times=times)

    def over(self) -> None:
        """All is well: records flow, or partitions were assigned."""
        self._latest = None

    def now(self) -> str | None:
        """The complaint that holds now; None while all is well."""
        if self._latest is None or self._clock() - self._latest[0] > _LASTS_SECONDS:
            return None
        return self._latest[1]
