"""Opening the dead-letter topic for one of the commands."""

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
# Of what may be held: the rest is for the events made of the letters, and for their queues.
_WAVE_SHARE: Final = 0.5


def open_topic(settings: Settings, group: str, logger: logging.Logger) -> LetterTopic:
    """The dead-letter topic, with the offsets of that group.

    Raises:
        LettersUnreadable: Kafka does not answer.
    """
    if why := unreachable_reason(settings.kafka, _PATIENCE_SECONDS):
        raise LettersUnreadable(settings.dead_letters.topic, why)
    ours = {"group.id": group, "logger": logger}
    return LetterTopic(client_settings(settings.kafka, for_="consumer") | ours, settings.dead_letters.topic)


def replay_group(settings: Settings, selection: Selection) -> str:
    """The group that the offsets of this replay are committed under."""
    return f"{settings.kafka.group_id}.dead-letters.replay.{selection.name()}"


class TopicReplayStore:
    """The waves of one replay, from where the last one of its kind stopped; a ``source.ReplayStore``."""

    def __init__(
        self,
        topic: LetterTopic,
        settings: Settings,
        selection: Selection,
        wave: int,
        run_blocking: RunBlocking = run_blocking,
    ) -> None:
        """Choose from ``topic`` what ``selection`` takes, ``wave`` letters at a time.

        Args:
            topic: its calls block, so they are made by ``run_blocking``.
            settings: how much may be held in memory.
            selection: what is meant.
            wave: letters put in order at a time.
            run_blocking: makes a call that blocks, beside the loop.
        """
        self.topic = topic
        self._run_blocking = run_blocking
        self._selection = selection
        self.wave_reader = WaveReader(
            topic,
            selection,
            most_letters=wave,
            most_bytes=int(settings.limits.max_unsettled_bytes * _WAVE_SHARE),
        )

    def begin(self, *, from_start: bool) -> None:
        """Go on from the committed offsets to where the topic ends now; nothing is committed."""
        committed = {} if from_start else self.topic.committed()
        spans = {}
        for number, (low, high) in self.topic.spans().items():
            # An offset beyond the end is of a topic of the same name that was deleted since.
            is_there = low <= committed.get(number, -1) <= high
            start = committed[number] if is_there else low
            spans[number] = self._selection.span(number, start, high)
        self.topic.begin(spans)

    def forget(self) -> None:
        """Commit where reading began: what was committed before for other partitions counts no more."""
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
