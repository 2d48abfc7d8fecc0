"""What is wrong with a thing that is asked again and again, since when, in words for an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.sources.kinesis.ports import TableFault

if TYPE_CHECKING:
    from collections.abc import Callable

# What fails is tried again within a few seconds. If it is not, there is no more need for it.
_TRIED_AGAIN_SECONDS: Final = 30.0


class _Failing(Struct, frozen=True):
    fault: TableFault
    since: float
    last: float


class Trouble:
    """The faults of one counterpart, of each call until that is answered again.

    One call may be forbidden and all others answered, so each has its own trouble.

    Args:
        subject: what it is, for the text.
        clock: seconds, monotonic.
    """

    def __init__(self, subject: str, clock: Callable[[], float]) -> None:
        self._subject = subject
        self._clock = clock
        self._failing: dict[str, _Failing] = {}

    def note(self, answer: object, call: str = "") -> None:
        """Note an answer of a call, or a fault."""
        if not isinstance(answer, TableFault):
            self._failing.pop(call, None)
            return
        now, before = self._clock(), self._failing.get(call)
        self._failing[call] = _Failing(answer, now if before is None else before.since, now)

    @property
    def since(self) -> float | None:
        """When it began, on the clock; None: all is well."""
        worst = self._worst()
        return None if worst is None else worst.since

    @property
    def text(self) -> str | None:
        """What is wrong, of several calls with the one that fails the longest; None: all is well."""
        worst = self._worst()
        if worst is None:
            return None
        seconds = self._clock() - worst.since
        message = f": {worst.fault.message}" if worst.fault.message else ""
        return f"{self._subject}: {worst.fault.code} for {seconds:.0f} s{message}"

    def _worst(self) -> _Failing | None:
        now = self._clock()
        self._failing = {
            call: each for call, each in self._failing.items() if now - each.last <= _TRIED_AGAIN_SECONDS
        }
        return min(self._failing.values(), key=lambda each: each.since, default=None)
