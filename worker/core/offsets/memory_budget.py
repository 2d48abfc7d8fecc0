"""How much is held in memory, and when that is enough."""

from __future__ import annotations

from typing import Protocol

from worker.core.model.records import SESSION_BYTES

# After a pause the flow begins again well below the bound: pausing throws away what was fetched ahead.
_RESUME_AT = 0.8
# With less room than this, records would come in by ones and twos.
_LEAST_ROOM = 100
# A small bound is full at nine tenths, well above where it has eased.
_LEAST_PART = 10


class Sessions(Protocol):
    """The sessions that the records make."""

    text_bytes: int
    """What the texts of their ids take."""

    def __len__(self) -> int:
        """How many there are."""


class MemoryBudget:
    """Records that are received and not done with, by number and by bytes."""

    def __init__(self, max_records: int, max_bytes: int, sessions: Sessions | None = None) -> None:
        """Begin empty, with both bounds."""
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._sessions = sessions
        self._record_bytes = 0
        self.records = 0

    @property
    def bytes(self) -> int:
        """Bytes of memory that all of it takes, estimated."""
        sessions = self._sessions
        if sessions is None:
            return self._record_bytes
        return self._record_bytes + SESSION_BYTES * len(sessions) + sessions.text_bytes

    def add(self, held_bytes: int) -> None:
        """One record more."""
        self.records += 1
        self._record_bytes += held_bytes

    def remove(self, held_bytes: int) -> None:
        """One record less."""
        self.records -= 1
        self._record_bytes -= held_bytes

    def room(self) -> int:
        """How many records may come: to the bound on their number; none once their bytes are at theirs."""
        return 0 if self.bytes >= self._max_bytes else max(0, self._max_records - self.records)

    def is_full(self) -> bool:
        """Whether it is time to wait for room."""
        return self.room() < max(1, min(_LEAST_ROOM, self._max_records // _LEAST_PART))

    def has_eased(self) -> bool:
        """Whether there is enough room again to end a pause."""
        return self.records <= _RESUME_AT * self._max_records and self.bytes <= _RESUME_AT * self._max_bytes
