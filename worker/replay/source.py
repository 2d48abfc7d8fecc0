"""Presents dead letters as a source of records: wave by wave, through the pipeline of live records.

The pipeline sees one partition, always assigned, whose positions count the letters in the order of their
replay. This module converts what it settles back to offsets of the dead-letter topic, and commits those under
the replay's group.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from worker.core.model.boundary import Before
from worker.core.model.partition import Partition
from worker.dead_letters.reading import replayed
from worker.sources.kafka.offsets import offset_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.model.boundary import Boundary
    from worker.core.model.records import Record
    from worker.core.offsets.assignment import Assignment
    from worker.ports import RebalanceListener
    from worker.replay.waves import Wave

log = structlog.get_logger(__name__)

_IDLE_SECONDS: Final = 0.1


class ReplayedElsewhere(Exception):  # noqa: N818  it names the state
    """Somebody else has committed under this replay's group in the meantime."""


class ReplayStore(Protocol):
    """Provides waves and stores offsets."""

    async def step(self) -> Wave | None:
        """Read a little; the next wave, once it is complete."""

    @property
    def over(self) -> bool:
        """Whether the last wave was given."""

    async def committed(self) -> dict[int, int]:
        """What is committed, by partition."""

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit, and wait for it."""

    async def close(self) -> None:
        """Disconnect."""


class ReplaySource:
    """The waves of one replay; implements ``ports.Source``.

    Args:
        store: provides the waves and stores the offsets.
        name: the topic's name, as the pipeline sees it.
        commit_seconds: how often to commit.
        on_committed: receives the committed offsets.
        on_over: called once, when everything is settled and committed.
        clock: the loop's clock.
    """

    def __init__(
        self,
        store: ReplayStore,
        name: str,
        *,
        commit_seconds: float,
        on_over: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._partition = Partition(name, 0)
        self._commit_seconds = commit_seconds
        self._on_over = on_over
        self._clock = clock
        self._wave: Wave | None = None
        # In the pipeline's offsets: where the wave begins, what was handed over, what is settled.
        self._begins_at = self._given = self._settled = 0
        self._commit_at = 0.0
        self._known: dict[int, int] = {}
        self._paused = self._told = False

    async def open(self, listener: RebalanceListener) -> None:
        """Announce the single assignment."""
        self._known = await self._store.committed()
        self._listener = listener
        self._assignment: Assignment
        (self._assignment,) = listener.assigned([self._partition])

    async def receive(self, max_records: int) -> Sequence[Record]:
        """Return the next letters of the wave; none while it is being read, or waited for."""
        if self._wave is not None and self._settled == self._begins_at + len(self._wave.letters):
            await self._finish(self._wave)
        if self._wave is None and not self._paused:
            await self._begin()
        records = [] if self._paused else self._hand_over(max_records)
        if not records and (self._paused or self._wave is not None):
            await asyncio.sleep(_IDLE_SECONDS)
        return records

    async def store(self, boundaries: Mapping[Partition, Boundary]) -> None:
        """Note what is settled; commit it when it is time."""
        if (boundary := boundaries.get(self._partition)) is not None:
            # Positions count the letters, without gaps and like Kafka's offsets.
            self._settled = offset_of(boundary)
        if self._clock() >= self._commit_at:
            await self.commit()

    async def commit(self) -> None:
        """Commit what is settled so far.

        Raises:
            ReplayedElsewhere: somebody else committed in the meantime.
            LettersUnreadable: committing fails.
        """
        self._commit_at = self._clock() + self._commit_seconds
        if self._wave is None:
            return
        offsets = self._wave.committable(self._settled - self._begins_at)
        await self._write(offsets)
        self._listener.committed({self._partition: Before(self._settled)})

    async def pause(self, *, for_good: bool = False) -> None:
        """Stop handing over letters."""
        del for_good
        self._paused = True

    async def resume(self) -> None:
        """Continue to hand over letters."""
        self._paused = False

    async def partitions_total(self) -> int | None:
        """Return 1, because a replay has its rate all to itself."""
        return 1

    async def close(self) -> None:
        """Disconnect."""
        await self._store.close()

    async def _begin(self) -> None:
        """Read on; begin the next wave if this completes it."""
        if self._store.over:
            if not self._told:
                self._told = True
                self._on_over()
            await asyncio.sleep(_IDLE_SECONDS)
            return
        self._wave = await self._store.step()
        if self._wave is not None:
            self._begins_at = self._given = self._settled
            log.info("replay.wave_began", letters=len(self._wave.letters))

    async def _finish(self, wave: Wave) -> None:
        await self.commit()
        self._wave = None
        log.info("replay.wave_ended", letters=len(wave.letters))

    def _hand_over(self, most: int) -> list[Record]:
        if self._wave is None:
            return []
        now, place = self._clock(), self._given - self._begins_at
        letters = self._wave.letters[place : place + most]
        records = [
            replayed(letter, self._assignment, self._given + index, now)
            for index, letter in enumerate(letters)
        ]
        self._given += len(records)
        return records

    async def _write(self, offsets: Mapping[int, int]) -> None:
        """Commit, unless somebody else has committed."""
        if await self._store.committed() != self._known:
            raise ReplayedElsewhere
        await self._store.commit(offsets)
        self._known |= offsets
