"""Writes dead letters to a Kinesis stream: a letter counts as written once the stream has acknowledged it.

A record of Kinesis has no headers, so a letter is an envelope that holds them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from worker.dead_letters.envelope import envelope
from worker.dead_letters.letter import letter_headers
from worker.ports import DeadLettersUnwritable

if TYPE_CHECKING:
    from worker.core.model.records import Reason, Record

# The longest partition key that Kinesis takes, in characters.
_MAX_KEY: Final = 256


class LetterStream(Protocol):
    """The stream of dead letters."""

    async def append(self, letter: bytes, partition_key: str) -> str | None:
        """Return None once the stream has it, or why it has not: a sentence without user data."""


class StreamDeadLetters:
    """The dead letters of a worker that reads Kinesis; implements ``ports.DeadLetters``.

    Args:
        stream: appends one letter.
        version: the worker's version, for a header.
    """

    def __init__(self, stream: LetterStream, *, version: str) -> None:
        self._stream = stream
        self._version = version

    async def write(self, record: Record, reason: Reason, tries: int) -> None:
        """Return once the stream has the letter.

        Raises:
            DeadLettersUnwritable: it was not acknowledged; it may have been written all the same.
        """
        headers = letter_headers(record, reason, tries, failed_at_seconds=time.time(), version=self._version)
        letter = msgspec.json.encode(envelope(record, headers))
        why = await self._stream.append(letter, _partition_key(record))
        if why is not None:
            raise DeadLettersUnwritable(why)

    async def close(self) -> None:
        """Do nothing: the connection is whoever's who gave the stream."""


def _partition_key(record: Record) -> str:
    """Return the record's own key, so that the letters of a key stay in order."""
    return (record.key or b"").decode(errors="replace")[:_MAX_KEY] or "-"
