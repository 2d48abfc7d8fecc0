"""Opens the dead letters for a replay: those of a topic before there is a loop, those of a stream on it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

from msgspec import Struct

from worker.replay.source import ReplayStore
from worker.replay.store import TopicReplayStore, open_topic, replay_group
from worker.sources.kafka.client_settings import CLIENT_LOG

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.aws.access import AwsAccess
    from worker.replay.selection import Selection
    from worker.replay.waves import WaveReader
    from worker.runtime.source_parts import ClosableDeadLetters
    from worker.settings import Settings

    Open: TypeAlias = "Callable[[], Awaitable[Opened]]"


class Plan(Struct, frozen=True):
    """How to replay."""

    dry_run: bool
    from_start: bool
    calls_per_second: float | None
    """None: a small part of the quota."""
    wave_letters: int


class ReadLetters(Protocol):
    """The letters that are being read."""

    unit: str
    """What ``left`` counts, for progress; with a space behind it."""

    def left(self) -> int:
        """Return how much is left to read."""


class WaveStore(ReplayStore, Protocol):
    """A store that tells of itself."""

    wave_reader: WaveReader

    @property
    def topic(self) -> ReadLetters:
        """The letters."""


class Opened(Struct, frozen=True):
    """The letters of one replay, begun. Close the store, then this."""

    store: WaveStore
    dead_letters: Callable[[], ClosableDeadLetters]
    """Builds the writer of those that fail again; close it before the store."""
    disconnect: Callable[[], Awaitable[None]] | None = None
    """Ends what the store needs besides itself, after all else."""
    access: AwsAccess | None = None
    """What all AWS clients share; None: the API's client has it for itself."""

    async def close(self) -> None:
        """Disconnect, after the store and all else was closed."""
        if self.disconnect is not None:
            await self.disconnect()


def opening(settings: Settings, selection: Selection, plan: Plan) -> Open:
    """Return what opens the letters, on the loop.

    Raises:
        LettersUnreadable: they can't be read, now or when they are opened.
    """
    if settings.dead_letters.stream:
        return partial(_open_stream, settings, selection, plan)
    topic = open_topic(settings, replay_group(settings, selection), CLIENT_LOG)
    store = TopicReplayStore(topic, settings, selection, plan.wave_letters)
    store.begin(from_start=plan.from_start)
    if plan.from_start and not plan.dry_run:
        store.forget()
    return partial(_given, Opened(store, partial(_topic_writer, settings)))


async def _given(opened: Opened) -> Opened:
    return opened


def _topic_writer(settings: Settings) -> ClosableDeadLetters:
    from worker.runtime.kafka_parts import dead_letter_writer  # noqa: PLC0415  not for streams

    return dead_letter_writer(settings)


async def _open_stream(settings: Settings, selection: Selection, plan: Plan) -> Opened:
    from worker.replay.stream_store import StreamReplay  # noqa: PLC0415  not for topics

    connected = StreamReplay(settings, selection)
    try:
        store = await connected.store(plan.wave_letters, is_rehearsal=plan.dry_run)
        await store.begin(from_start=plan.from_start, is_rehearsal=plan.dry_run)
    except BaseException:
        await connected.close()
        raise
    return Opened(store, connected.dead_letters, connected.close, connected.access)
