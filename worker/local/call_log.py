"""Records the calls that the local PutEvents received: counts by outcome, and a line per accepted call.

The lines are in the order of acceptance, and are encoded at once so that a million events take little
memory.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class AcceptedCall(Struct, frozen=True, array_like=True, gc=False):
    """A call that was accepted, whether or not the caller got the answer."""

    number: int
    """The number of the call, counted from 1 over all calls, including refused ones."""
    at_seconds: float
    """When it was accepted, in epoch seconds."""
    session_id: str
    user_id: str | None
    event_ids: tuple[str | None, ...]


class Summary(Struct, frozen=True):
    """The calls in numbers."""

    calls: int
    accepted_calls: int
    accepted_events: int
    outcomes: dict[str, int]
    """Calls by ``accepted``, ``ignored`` (the session id "null"), ``reset`` or the error code."""
    max_concurrent_in_session: int
    """Above 1: a session had two calls in flight."""
    max_concurrent: int
    first_accepted_at_seconds: float | None
    last_accepted_at_seconds: float | None


class CallLog:
    """The endpoint's own record of its calls.

    Args:
        numbers_only: keep no line per call, and so use no memory for it.
    """

    def __init__(self, *, numbers_only: bool = False) -> None:
        self._numbers_only = numbers_only
        self._lines: list[bytes] = []
        self._calls = 0
        self._events = 0
        self._outcomes: Counter[str] = Counter()
        self._open: Counter[str] = Counter()
        self._concurrent = 0
        self._max_concurrent = 0
        self._max_concurrent_in_session = 0
        self._first: float | None = None
        self._last: float | None = None
        self._encoder = msgspec.json.Encoder()

    def begin(self, session_id: str) -> Callable[[], None]:
        """Note that a call of this session is in flight until the returned function is called."""
        self._open[session_id] += 1
        self._concurrent += 1
        self._max_concurrent = max(self._max_concurrent, self._concurrent)
        self._max_concurrent_in_session = max(self._max_concurrent_in_session, self._open[session_id])

        def end() -> None:
            self._concurrent -= 1
            self._open[session_id] -= 1
            if not self._open[session_id]:
                del self._open[session_id]

        return end

    def is_in_flight(self, session_id: str) -> bool:
        """Return whether the session has a call in flight."""
        return session_id in self._open

    def count(self, outcome: str) -> None:
        """Count a call with this outcome."""
        self._calls += 1
        self._outcomes[outcome] += 1

    def accept(
        self, at_seconds: float, session_id: str, user_id: str | None, event_ids: tuple[str | None, ...]
    ) -> None:
        """Note an accepted call."""
        self.count("accepted")
        self._events += len(event_ids)
        self._first = at_seconds if self._first is None else self._first
        self._last = at_seconds
        if self._numbers_only:
            return
        call = AcceptedCall(self._calls, at_seconds, session_id, user_id, event_ids)
        self._lines.append(self._encoder.encode(call))

    def summary(self) -> Summary:
        """Return the numbers so far."""
        return Summary(
            calls=self._calls,
            accepted_calls=self._outcomes["accepted"],
            accepted_events=self._events,
            outcomes=dict(self._outcomes),
            max_concurrent_in_session=self._max_concurrent_in_session,
            max_concurrent=self._max_concurrent,
            first_accepted_at_seconds=self._first,
            last_accepted_at_seconds=self._last,
        )

    def lines(self, after: int = 0) -> bytes:
        """Return the accepted calls as JSON lines, for ``read_lines``, without the first ``after``."""
        return b"\n".join(self._lines[after:])

    def accepted(self, after: int = 0) -> Iterator[AcceptedCall]:
        """Return the accepted calls in the order of acceptance, without the first ``after``."""
        return read_lines(self.lines(after))


def read_lines(lines: bytes) -> Iterator[AcceptedCall]:
    """Parse the accepted calls from ``CallLog.lines``."""
    decoder = msgspec.json.Decoder(AcceptedCall)
    return (decoder.decode(line) for line in lines.splitlines())
