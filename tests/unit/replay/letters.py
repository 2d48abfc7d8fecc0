"""A dead-letter topic in memory, and replays on it in virtual time."""

from __future__ import annotations

import asyncio
import json
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tests.support.builders import assignment
from tests.support.stage import settings
from tests.support.twins import PutEventsTwin
from worker.core.mapping import compile_mapping
from worker.core.mapping.event_ids import derived_event_id
from worker.core.model.outcomes import Accepted
from worker.core.model.records import Reason, Record
from worker.dead_letters.letter import letter_headers
from worker.replay.run import Replay, ReplayAdapters, assemble_replay
from worker.replay.selection import Selection
from worker.replay.store import TopicReplayStore
from worker.replay.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Headers

FAILED_AT = 1_767_225_600.0


def source_record(number: int, session_id: str, *, partition: int = 0, topic: str = "interactions") -> Record:
    """A good record without an id of its own, as it stands at offset ``number`` of its topic."""
    value = {"eventType": "view", "sentAt": 1_700_000_000, "sessionId": session_id, "itemId": f"i{number}"}
    key, value_bytes = session_id.encode(), json.dumps(value).encode()
    return Record(assignment(topic, partition), number, 1_700_000_000_000 + number, key, value_bytes, ())


class LetterTopicTwin:
    """The dead-letter topic, and its offsets for one group; what is written is there at once."""

    def __init__(self, partitions: int = 1, seed: int = 0) -> None:
        self.chance = Random(seed)  # noqa: S311  a schedule, not a secret
        self.logs: dict[int, list[Record]] = {number: [] for number in range(partitions)}
        self.commits: dict[int, int] = {}
        self.positions: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self.on_commit: Callable[[Mapping[int, int]], None] = lambda _: None

    def dead_letter(
        self,
        record: Record,
        reason: Reason = Reason("missing", "session_id: nothing at visit"),  # noqa: B008  frozen
        *,
        partition: int | None = None,
        failed_at: float = FAILED_AT,
        tries: int = 0,
    ) -> None:
        number = self.chance.randrange(len(self.logs)) if partition is None else partition
        made = letter_headers(record, reason, tries, failed_at_seconds=failed_at, version="1")
        headers: Headers = tuple((name, value) for name, value in made if not isinstance(value, str))
        offset = len(self.logs[number])
        under = assignment("dead", number)
        self.logs[number].append(Record(under, offset, 5, record.key, record.value, headers))

    async def write(self, record: Record, reason: Reason, tries: int) -> None:
        await asyncio.sleep(0.01)
        self.dead_letter(record, reason, tries=tries)

    def spans(self) -> dict[int, tuple[int, int]]:
        return {number: (0, len(log)) for number, log in self.logs.items()}

    def begin(self, spans: Mapping[int, tuple[int, int]]) -> None:
        self.positions = {number: start for number, (start, _) in spans.items()}
        self._ends = {number: end for number, (_, end) in spans.items()}

    @property
    def at_end(self) -> bool:
        return not self._unread()

    def left(self) -> int:
        return sum(self._ends[number] - self.positions[number] for number in self._ends)

    def read(self, most: int) -> Sequence[Record]:
        if not (unread := self._unread()):
            return ()
        number = self.chance.choice(unread)
        start = self.positions[number]
        end = min(self._ends[number], start + self.chance.randint(1, most))
        self.positions[number] = end
        return self.logs[number][start:end]

    def committed(self) -> dict[int, int]:
        return dict(self.commits)

    def commit(self, offsets: Mapping[int, int]) -> None:
        self.on_commit(offsets)
        self.commits |= offsets

    def close(self) -> None:
        pass

    def _unread(self) -> list[int]:
        return [number for number, end in self._ends.items() if self.positions[number] < end]


async def at_once(call: Callable[..., Any], *args: object) -> Any:
    """Instead of a thread, which virtual time does not wait for; others get their turn meanwhile, too."""
    await asyncio.sleep(0.001)
    return call(*args)


class ReplayStage:
    """One replay on a dead-letter topic."""

    def __init__(  # noqa: PLR0913  each is what some test turns
        self,
        topic: LetterTopicTwin,
        *,
        selection: Selection = Selection(),  # noqa: B008  frozen
        wave: int = 10_000,
        rate: float = 1000,
        answer: Callable[[Batch], Answer] = lambda _: Accepted(),
        mapping: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self.topic = topic
        self.api = PutEventsTwin(answer)
        conf = settings(linger_seconds=0.1)
        self.store = TopicReplayStore(topic, conf, selection, wave, at_once)  # type: ignore[arg-type]  # its twin
        adapters = ReplayAdapters(compile_mapping(mapping), self.api, topic, Tally())
        self.parts: Replay = assemble_replay(
            conf, self.store, adapters, rate, asyncio.get_running_loop().time
        )

    async def run(self, *, from_start: bool = False) -> None:
        """To the end of what was there at the start."""
        self.store.begin(from_start=from_start)
        if from_start:
            self.store.forget()
        await self.parts.worker.pipeline.run()
        assert self.parts.is_over.is_set()

    def accepted(self) -> dict[str, list[str]]:
        """The ids of the accepted events, by session."""
        return {
            session: [event["eventId"] for event in sent]  # type: ignore[index]  # JSON objects here
            for session, sent in self.api.accepted.items()
        }


def event_ids(records: Sequence[Record]) -> list[str]:
    return [derived_event_id(each) for each in records]
