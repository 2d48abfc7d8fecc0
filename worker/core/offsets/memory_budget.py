"""Bounds how much is held in memory, and says when intake has to pause."""

from __future__ import annotations

from typing import Protocol

from worker.core.model.records import SESSION_BYTES

# After a pause, intake resumes well below the bound, because pausing discards what was fetched ahead.
_RESUME_AT = 0.8
# With less room than this, records would come in by ones and twos.
_LEAST_ROOM = 100
# A small bound counts as full at nine tenths, well above the level at which a pause ends.
_LEAST_PART = 10


class Sessions(Protocol):
    """The sessions that the records belong to."""

    text_bytes: int
    """Bytes of memory that the texts of their ids take."""

    def __len__(self) -> int:
        """Count the sessions."""


class MemoryBudget:
    """Counts the records that are received and not settled, by number and by bytes.

    A record that holds several elements is one record until the last of them is removed; each takes bytes.

    Args:
        max_records: the bound on their number.
        max_bytes: the bound on their memory.
        sessions: the sessions whose memory counts as well, if any.
    """

    def __init__(self, max_records: int, max_bytes: int, sessions: Sessions | None = None) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._sessions = sessions
        self._record_bytes = 0
        self._further_elements = 0
        self.records = 0

    @property
    def bytes(self) -> int:
        """Estimate the bytes of memory that everything held takes."""
        sessions = self._sessions
        if sessions is None:
            return self._record_bytes
        return self._record_bytes + SESSION_BYTES * len(sessions) + sessions.text_bytes

    def add(self, held_bytes: int) -> None:
        """Add one record."""
        self.records += 1
        self._record_bytes += held_bytes

    def remove(self, held_bytes: int) -> None:
        """Remove one record, or the last element that is left of one."""
        self.records -= 1
        self._record_bytes -= held_bytes

    @property
    def elements(self) -> int:
        """How many elements are held; a record that holds a single event is one."""
        return self.records + self._further_elements

    def grow(self, held_bytes: int, *, further_elements: int = 0) -> None:
        """Note that a record takes more than when it was added, or holds more than one element."""
        self._record_bytes += held_bytes
        self._further_elements += further_elements

    def remove_element(self, held_bytes: int) -> None:
        """Remove an element of a record of which others are left."""
        self._further_elements -= 1
        self._record_bytes -= held_bytes

    def is_over(self, leaving_out: int) -> bool:
        """Whether the bound on bytes is reached even without so many of the bytes."""
        return self.bytes - leaving_out >= self._max_bytes

    def room(self) -> int:
        """Return how many more records fit; 0 as soon as the bound on bytes is reached."""
        return 0 if self.bytes >= self._max_bytes else max(0, self._max_records - self.records)

    def is_full(self) -> bool:
        """Whether intake has to wait for room."""
        return self.room() < max(1, min(_LEAST_ROOM, self._max_records // _LEAST_PART))

    def has_eased(self) -> bool:
        """Whether there is enough room again to end a pause."""
        return self.records <= _RESUME_AT * self._max_records and self.bytes <= _RESUME_AT * self._max_bytes
