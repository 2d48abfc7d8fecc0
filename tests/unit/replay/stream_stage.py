"""A stream of dead letters at the stand-in's own parts, and replays of it in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tests.support.builders import assignment
from tests.support.kinesis_cloud import Cloud
from tests.support.stage import settings
from tests.support.twins import PutEventsTwin
from tests.unit.replay.letters import source_record
from worker.core.leases.positions import position_of
from worker.core.mapping import compile_mapping
from worker.core.model.outcomes import Accepted
from worker.core.model.records import Reason, Record
from worker.dead_letters.stream import StreamDeadLetters
from worker.replay.letter_stream import LetterStream
from worker.replay.run import ReplayAdapters, assemble_replay
from worker.replay.selection import Selection
from worker.replay.stream_progress import StreamProgress
from worker.replay.stream_store import StreamReplayStore
from worker.replay.tally import Tally
from worker.sources.kinesis.calls import StreamCalls
from worker.sources.kinesis.letter_stream import KinesisLetterStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch

LETTERS: Final = "letters"
TABLE: Final = "app.dead-letters.replay"
REASON: Final = Reason("missing", "session_id: nothing at visit")
# As of a stream: 56 digits.
FIRST_SEQUENCE: Final = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898


def kinesis_record(number: int, session_id: str) -> Record:
    """A record of a stream, without an id of its own."""
    made = source_record(number, session_id)
    return Record(
        assignment("interactions", 0),
        position_of(FIRST_SEQUENCE + number),
        made.timestamp_ms,
        made.key,
        made.value,
        (),
    )


class LettersCloud:
    """The cloud with a stream of letters, written as a worker writes them."""

    def __init__(self, shards: int = 3) -> None:
        loop = asyncio.get_running_loop()
        self.cloud = Cloud(lambda: 1.7e9 + loop.time())
        self.cloud.streams.create(LETTERS, shards)
        self.cloud.lease_table(TABLE)
        self.calls = StreamCalls(self.cloud.call, LETTERS)
        self.writer = StreamDeadLetters(KinesisLetterStream(self.calls, LETTERS), version="1")

    async def write(self, *records: Record) -> None:
        for each in records:
            await self.writer.write(each, REASON, 0)

    def letters(self) -> LetterStream:
        clock = asyncio.get_running_loop().time
        return LetterStream(
            LETTERS, self.calls, clock=clock, epoch_seconds=lambda: 1.7e9 + clock(), draw=lambda: 0.5
        )


class StreamReplayStage:
    """One replay of the letters."""

    def __init__(  # noqa: PLR0913  each is what some test turns
        self,
        letters: LettersCloud,
        *,
        selection: Selection = Selection(),  # noqa: B008  frozen
        wave: int = 10_000,
        rate: float = 1000,
        answer: Callable[[Batch], Answer] = lambda _: Accepted(),
        stream_created: float = 1.0,
    ) -> None:
        self.api = PutEventsTwin(answer)
        conf = settings(linger_seconds=0.1)
        progress = StreamProgress(
            letters.cloud.call,
            TABLE,
            f"{LETTERS}/{selection.name()}",
            stream_created=stream_created,
            sleep=asyncio.sleep,
        )
        self.store = StreamReplayStore(letters.letters(), progress, conf, selection, wave)
        adapters = ReplayAdapters(compile_mapping({}), self.api, letters.writer, Tally())
        self.parts = assemble_replay(conf, self.store, adapters, rate, asyncio.get_running_loop().time)

    async def run(self, *, from_start: bool = False) -> None:
        """To the end of what was there at the start."""
        await self.store.begin(from_start=from_start)
        await self.parts.worker.pipeline.run()
        assert self.parts.is_over.is_set()

    def accepted(self) -> dict[str, list[str]]:
        """The ids of the accepted events, by session."""
        return {
            session: [event["eventId"] for event in sent]  # type: ignore[index]  # JSON objects here
            for session, sent in self.api.accepted.items()
        }
