"""What Kafka complains of: said now and again, and over when records flow or nothing more is heard.

librdkafka repeats itself twenty times a second while a broker is away, or every thirty seconds, or (of a
topic that is not there, of a refused login) never again; and it says nothing when all is well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from confluent_kafka import KafkaError

from worker.core.repeats import Repeats
from worker.sources.kafka_protection import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = structlog.get_logger(__name__)

# Longer than the thirty seconds after which librdkafka says again that a broker is away.
_LASTS_SECONDS: Final = 40.0
# Said once, and so until records flow or partitions are assigned.
_SAID_ONCE: Final = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError._AUTHENTICATION,  # noqa: SLF001  librdkafka's own codes begin with an underscore
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  as above
}


class KafkaUnusable(Exception):  # noqa: N818  it names the state
    """librdkafka says that this client can't go on."""


class Trouble:
    """The latest complaint."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin without one; ``clock`` is the loop's."""
        self._clock = clock
        self._repeats = Repeats()
        self._latest: tuple[float, KafkaError] | None = None
        self._silent: dict[str, float] = {}

    def note(self, error: KafkaError) -> None:
        """Hear a complaint.

        Raises:
            KafkaUnusable: it is fatal, as for a static member that was fenced.
        """
        if error.fatal():
            raise KafkaUnusable(without_secrets(error.str()))
        if self._complaint() is None or self._latest is None or self._latest[1].code() not in _SAID_ONCE:
            self._latest = (self._clock(), error)
        self._tell(error)

    def remind(self) -> None:
        """Tell of a complaint that still holds, when it is time to."""
        if self._complaint() is not None and self._latest is not None:
            self._tell(self._latest[1])

    def silent(self, brokers: dict[str, float]) -> None:
        """Hear which brokers do not answer now, and for how many seconds each."""
        for name in self._silent.keys() - brokers.keys():
            self._repeats.ended(name, self._clock())
            log.info("kafka.answers_again", broker=name)
        self._silent = brokers
        for name, seconds in brokers.items():
            if times := self._repeats.note(name, self._clock()):
                log.warning("kafka.silent", broker=name, seconds=round(seconds, 1), times=times)

    def over(self) -> None:
        """All is well: records flow, or partitions were assigned."""
        if self._latest is not None:
            seconds = self._repeats.ended(self._latest[1].name(), self._clock()) or 0.0
            log.info("kafka.recovered", error=self._latest[1].name(), seconds=round(seconds, 1))
        self._latest = None

    def now(self) -> str | None:
        """What is wrong now; None while all is well."""
        return "; ".join(filter(None, (self._complaint(), *self._silences()))) or None

    def _complaint(self) -> str | None:
        if self._latest is None:
            return None
        at, error = self._latest
        holds = error.code() in _SAID_ONCE or self._clock() - at <= _LASTS_SECONDS
        return f"{error.name()}: {without_secrets(error.str())}" if holds else None

    def _silences(self) -> Iterator[str]:
        for name, seconds in self._silent.items():
            yield f"broker {name} has not answered for {seconds:.0f} s"

    def _tell(self, error: KafkaError) -> None:
        if times := self._repeats.note(error.name(), self._clock()):
            log.warning("kafka.trouble", error=error.name(), says=without_secrets(error.str()), times=times)
