"""What a run needs of the place that records come from: whether it is there, its source, its dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from worker.ports import DeadLetters, Source
from worker.status.readiness import WatchedSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.aws.access import AwsAccess
    from worker.runtime.login_files import LoginFiles
    from worker.settings import Settings
    from worker.status import Status


class RunningSource(Source, WatchedSource, Protocol):
    """A source that tells of itself."""


class ClosableDeadLetters(DeadLetters, Protocol):
    """Dead letters with a connection of their own."""

    async def close(self) -> None:
        """Wait a little for letters in flight, and disconnect."""


class SourceParts(Protocol):
    """The parts of a worker that are Kafka's or Kinesis'. Close them after use."""

    async def wait_until_there(self, status: Status) -> None:
        """Wait until records and dead letters have their places; tell ``status`` what is waited for.

        Raises:
            Exception: what only a person can change, by a type that ``failures`` knows.
        """

    def source(self, clock: Callable[[], float]) -> RunningSource:
        """Build the source. Nothing is received before it is opened."""

    def dead_letters(self) -> ClosableDeadLetters:
        """Build the writer of dead letters; close it before the parts."""

    async def close(self) -> None:
        """Disconnect."""


def source_parts(settings: Settings, access: AwsAccess, login: LoginFiles) -> SourceParts:
    """Return the parts of the source that is configured. The other one is not imported.

    Args:
        settings: the configuration.
        access: what clients of AWS share.
        login: what the login to Kafka is made of.
    """
    if settings.source == "kinesis":
        from worker.runtime.kinesis_parts import KinesisParts  # noqa: PLC0415  see above

        return KinesisParts(settings, access, login)
    from worker.runtime.kafka_parts import KafkaParts  # noqa: PLC0415  see above

    return KafkaParts(settings, login)
