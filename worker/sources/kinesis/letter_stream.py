"""The Kinesis stream that dead letters are written to; implements ``dead_letters.stream.LetterStream``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.core.model.missing_place import MissingPlace
from worker.sources.kinesis.errors import FaultKind, StreamFault
from worker.sources.kinesis.shard_list import NOT_FOUND

if TYPE_CHECKING:
    from worker.sources.kinesis.calls import StreamCalls

_TOO_LARGE: Final = (
    "the letter may be larger than a record of the stream: raise its limit with `aws kinesis "
    "update-max-record-size`, or let dead_letters.topic name a topic in Kafka"
)


class LetterStreamUnusable(MissingPlace):
    """There is no such stream."""


class KinesisLetterStream:
    """One stream.

    Args:
        calls: the stream's.
        name: its name, for what is said about it.
    """

    def __init__(self, calls: StreamCalls, name: str) -> None:
        self._calls = calls
        self._name = name

    async def append(self, letter: bytes, partition_key: str) -> str | None:
        """Put one record; return why it is not there, or None once it is."""
        answer = await self._calls.put_record(letter, partition_key)
        if not isinstance(answer, StreamFault):
            return None
        advice = _TOO_LARGE if answer.kind is FaultKind.MALFORMED else answer.advice
        return f"{self._name}: {answer.code}" + (f"; {advice}" if advice else "")

    async def why_away(self) -> StreamFault | None:
        """Return why nobody says whether the stream is there; None: it is.

        Raises:
            LetterStreamUnusable: there is none.
        """
        summary = await self._calls.describe()
        if not isinstance(summary, StreamFault):
            return None
        if summary.code != NOT_FOUND:
            return summary
        why = f"dead_letters.stream: there is no stream {self._name} in this account and region: make it"
        mode = "StreamMode=ON_DEMAND"
        command = f"aws kinesis create-stream --stream-name {self._name} --stream-mode-details {mode}"
        raise LetterStreamUnusable(why, command)
