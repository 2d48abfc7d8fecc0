"""Opens the dead letters for commands that only read them, one after the other and without a loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from worker.aws.endpoint import UnusableSettings
from worker.replay.letter_topic import LettersUnreadable
from worker.sources.kafka.client_settings import SILENT_LOG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.core.model.records import Record
    from worker.replay.letter_stream import LetterStream
    from worker.runtime.kinesis_clients import KinesisClients
    from worker.settings import Settings


class Letters(Protocol):
    """The dead letters. Every call blocks. ``close()`` them after use."""

    topic: str
    unit: str

    def spans(self) -> dict[int, tuple[int, int]]:
        """Return where each partition or shard begins, and just behind its end, as of now.

        Raises:
            LettersUnreadable: they can't be read.
        """

    def begin(self, spans: Mapping[int, tuple[int, int]]) -> None:
        """Start to read these, each from its first place to just before its second."""

    @property
    def at_end(self) -> bool:
        """Whether everything has been read."""

    def left(self) -> int:
        """Return how much is still to be read, in ``unit``."""

    def read(self, most: int) -> Sequence[Record]:
        """Return up to ``most`` available records; if there are none, nothing after a short wait.

        Raises:
            LettersUnreadable: they can't be read.
        """

    def close(self) -> None:
        """Disconnect."""


def open_letters(settings: Settings) -> Letters:
    """Open the topic or the stream that is configured.

    Raises:
        LettersUnreadable: nobody answers there.
    """
    if settings.dead_letters.stream:
        return StreamLetters(settings)
    from worker.replay.store import open_topic  # noqa: PLC0415  it imports Kafka's client

    return open_topic(settings, settings.kafka.group_id, SILENT_LOG)


class StreamLetters:
    """The letters of a stream, with a loop that runs for the time of a question; implements ``Letters``.

    Args:
        settings: as configured.

    Raises:
        LettersUnreadable: region or endpoint are wrong.
    """

    unit = "shards "

    def __init__(self, settings: Settings) -> None:
        self.topic = settings.dead_letters.place
        self._runner = asyncio.Runner()
        try:
            self._clients, self._stream = self._runner.run(_opened(settings))
        except UnusableSettings as error:
            self._runner.close()
            raise LettersUnreadable(self.topic, str(error), place="stream") from None

    def spans(self) -> dict[int, tuple[int, int]]:
        """See ``Letters``."""
        return self._runner.run(self._stream.spans())

    def begin(self, spans: Mapping[int, tuple[int, int]]) -> None:
        """See ``Letters``."""
        self._stream.begin(spans)

    @property
    def at_end(self) -> bool:
        """See ``Letters``."""
        return self._stream.at_end

    def left(self) -> int:
        """See ``Letters``."""
        return self._stream.left()

    def read(self, most: int) -> Sequence[Record]:
        """See ``Letters``."""
        self._runner.run(self._stream.fetch())
        return self._stream.read(most)

    def close(self) -> None:
        """See ``Letters``."""
        self._runner.run(self._clients.close())
        self._runner.close()


async def _opened(settings: Settings) -> tuple[KinesisClients, LetterStream]:
    # Without Kinesis, none of it is imported.
    from worker.replay.letter_stream import LetterStream  # noqa: PLC0415  see above
    from worker.runtime.kinesis_clients import KinesisClients  # noqa: PLC0415  see above
    from worker.runtime.wiring import aws_access  # noqa: PLC0415  see above

    clients = KinesisClients(settings, aws_access(settings))
    await clients.open()
    clock = asyncio.get_running_loop().time
    return clients, LetterStream(clients.letters_name, clients.letter_calls, clock=clock)
