"""The waves of a replay of a stream's letters, and where it is noted how far it has come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from worker.dead_letters.stream import StreamDeadLetters
from worker.replay.letter_stream import LetterStream
from worker.replay.letter_topic import LettersUnreadable
from worker.replay.store import WAVE_SHARE
from worker.replay.stream_progress import StreamProgress
from worker.replay.waves import WaveReader
from worker.runtime.kinesis_clients import KinesisClients
from worker.runtime.wiring import aws_access
from worker.sources.kinesis.errors import StreamFault
from worker.sources.kinesis.letter_stream import KinesisLetterStream
from worker.sources.kinesis.shard_scan import StreamUnreadable
from worker.sources.kinesis.table_setup import LeaseTableAway, LeaseTableUnusable
from worker.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.aws.access import AwsAccess
    from worker.replay.selection import Selection
    from worker.replay.waves import Wave
    from worker.settings import Settings

TABLE_SUFFIX: Final = ".dead-letters.replay"


class StreamReplayStore:
    """The waves of one replay, from where the last with the same filters stopped; a ``source.ReplayStore``.

    Args:
        topic: the stream of dead letters.
        progress: how far the last one came.
        settings: for the memory limit.
        selection: which letters to choose.
        wave: how many letters to sort at a time.
    """

    def __init__(
        self,
        topic: LetterStream,
        progress: StreamProgress,
        settings: Settings,
        selection: Selection,
        wave: int,
    ) -> None:
        self.topic = topic
        self._progress = progress
        self._selection = selection
        self.wave_reader = WaveReader(
            topic,
            selection,
            most_letters=wave,
            most_bytes=int(settings.limits.max_unsettled_bytes * WAVE_SHARE),
        )

    async def begin(self, *, from_start: bool, is_rehearsal: bool = False) -> None:
        """Start where the last one stopped, and stop at the stream's present end.

        Raises:
            LettersUnreadable: stream or table can't be read.
        """
        noted = await self._progress.read()
        committed = {} if from_start else noted
        spans = {
            number: self._selection.span(number, committed.get(number, low), high)
            for number, (low, high) in (await self.topic.spans()).items()
        }
        self.topic.begin(spans)
        if from_start and not is_rehearsal:
            await self._progress.forget(self.topic.positions)

    async def step(self) -> Wave | None:
        """Read a little; the next wave, once it is complete."""
        await self.topic.fetch()
        return self.wave_reader.step()

    @property
    def over(self) -> bool:
        """Whether the last wave was given."""
        return self.wave_reader.over

    async def committed(self) -> dict[int, int]:
        """Where to go on, by shard. Another run's writes are noticed by the next write of this one."""
        return self._progress.known

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Note it, and wait for it."""
        await self._progress.write(offsets)

    async def close(self) -> None:
        """Do nothing: the connections are whoever's who gave stream and progress."""


class StreamReplay:
    """What a replay of a stream's letters is connected to. Close it after use.

    Args:
        settings: as configured.
        selection: which letters to choose.
    """

    def __init__(self, settings: Settings, selection: Selection) -> None:
        self._settings = settings
        self._selection = selection
        self.access: AwsAccess = aws_access(settings)
        self._clients = KinesisClients(settings, self.access)

    async def store(self, wave: int, *, is_rehearsal: bool) -> StreamReplayStore:
        """Connect, and return the store; it is not begun. A rehearsal makes no table.

        Raises:
            LettersUnreadable: stream or table can't be used.
        """
        await self._clients.open()
        name, calls = self._clients.letters_name, self._clients.letter_calls
        table = self._settings.kinesis.application_name + TABLE_SUFFIX
        summary = await calls.describe()
        if isinstance(summary, StreamFault):
            error = StreamUnreadable.of(name, summary)
            raise LettersUnreadable(error.stream, error.why, place="stream")
        if not is_rehearsal:
            await self._ensure_table(table)
        progress = StreamProgress(
            self._clients.call_table,
            table,
            f"{name}/{self._selection.name()}",
            stream_created=summary.stream_creation_timestamp,
            sleep=asyncio.sleep,
        )
        letters = LetterStream(name, calls, clock=asyncio.get_running_loop().time)
        return StreamReplayStore(letters, progress, self._settings, self._selection, wave)

    def dead_letters(self) -> StreamDeadLetters:
        """Build the writer of letters that fail again, to the end of the same stream."""
        letters = KinesisLetterStream(self._clients.letter_calls, self._clients.letters_name)
        return StreamDeadLetters(letters, version=VERSION)

    async def close(self) -> None:
        """Disconnect."""
        await self._clients.close()

    async def _ensure_table(self, table: str) -> None:
        try:
            await self._clients.ensure_table(create=self._settings.kinesis.create_table, name=table)
        except LeaseTableUnusable as unusable:
            todo = f"make it: {unusable.command}" if unusable.command else str(unusable)
            why = f"it keeps how far a replay has come; {todo}"
            raise LettersUnreadable(table, why, place="table") from None
        except LeaseTableAway as away:
            raise LettersUnreadable(table, str(away), place="table") from None
