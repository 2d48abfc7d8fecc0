"""Opens the dead-letter topic for each of the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.blocking import run_blocking
from worker.replay.letter_topic import LettersUnreadable, LetterTopic
from worker.replay.waves import WaveReader
from worker.sources.kafka.client_settings import client_settings
from worker.sources.kafka.cluster import unreachable_reason

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from worker.blocking import RunBlocking
    from worker.replay.selection import Selection
    from worker.replay.waves import Wave
    from worker.settings import Settings

_PATIENCE_SECONDS: Final = 10.0
# The fraction of the memory limit for a wave; the rest is for the events made from the letters, and their
# queues.
WAVE_SHARE: Final = 0.5


def open_topic(settings: Settings, group: str, logger: logging.Logger) -> LetterTopic:
    """Open the dead-letter topic with the offsets of this group.

    Raises:
        LettersUnreadable: Kafka does not answer.
    """
    if why := unreachable_reason(settings.kafka, _PATIENCE_SECONDS):
        raise LettersUnreadable(settings.dead_letters.topic, why)
    ours = {"group.id": group, "logger": logger}
    return LetterTopic(client_settings(settings.kafka, for_="consumer") | ours, settings.dead_letters.topic)


def replay_group(settings: Settings, selection: Selection) -> str:
    """Return the group under which this replay commits its offsets; of a stream, what it is called."""
    name = settings.kinesis.application_name if settings.dead_letters.stream else settings.kafka.group_id
    return f"{name}.dead-letters.replay.{selection.name()}"


class TopicReplayStore:
    """The waves of one replay, from where the last with the same filters stopped; a ``source.ReplayStore``.

    Args:
        topic: the dead-letter topic. Its calls block, so they are made through ``run_blocking``.
        settings: for the memory limit.
        selection: which letters to choose.
        wave: how many letters to sort at a time.
        run_blocking: runs a blocking call beside the event loop.
    """

    def __init__(
        self,
        topic: LetterTopic,
        settings: Settings,
        selection: Selection,
        wave: int,
        run_blocking: RunBlocking = run_blocking,
    ) -> None:
        self.topic = topic
        self._run_blocking = run_blocking
        self._selection = selection
        self.wave_reader = WaveReader(
            topic,
            selection,
            most_letters=wave,
            most_bytes=int(settings.limits.max_unsettled_bytes * WAVE_SHARE),
        )

    def begin(self, *, from_start: bool) -> None:
        """Start at the committed offsets and stop at the topic's present end; nothing is committed."""
        committed = {} if from_start else self.topic.committed()
        spans = {}
        for number, (low, high) in self.topic.spans().items():
            # An offset beyond the end comes from a topic of the same name that has been deleted since.
            is_there = low <= committed.get(number, -1) <= high
            start = committed[number] if is_there else low
            spans[number] = self._selection.span(number, start, high)
        self.topic.begin(spans)

    def forget(self) -> None:
        """Commit the starting positions, so that earlier commits for other partitions no longer count."""
        self.topic.commit(self.topic.positions)

    async def step(self) -> Wave | None:
        """Read a little; the next wave, once it is complete."""
        return await self._run_blocking(self.wave_reader.step)

    @property
    def over(self) -> bool:
        """Whether the last wave was given."""
        return self.wave_reader.over

    async def committed(self) -> dict[int, int]:
        """What is committed, by partition."""
        return await self._run_blocking(self.topic.committed)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit, and wait for it."""
        await self._run_blocking(self.topic.commit, offsets)

    async def close(self) -> None:
        """Disconnect."""
        await self._run_blocking(self.topic.close)
