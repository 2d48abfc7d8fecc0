"""What is wrong with a thing that is asked again and again, since when, in words for an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.sources.kinesis.ports import TableFault

if TYPE_CHECKING:
    from collections.abc import Callable


class Trouble:
    """The faults of one counterpart, until it answers again.

    Args:
        subject: what it is, for the text.
        clock: seconds, monotonic.
    """

    def __init__(self, subject: str, clock: Callable[[], float]) -> None:
        self._subject = subject
        self._clock = clock
        self._fault: TableFault | None = None
        self._since = 0.0

    def note(self, answer: object) -> None:
        """Note an answer, or a fault."""
        if not isinstance(answer, TableFault):
            self._fault = None
            return
        if self._fault is None:
            self._since = self._clock()
        self._fault = answer

    @property
    def since(self) -> float | None:
        """When it began, on the clock; None: all is well."""
        return None if self._fault is None else self._since

    @property
    def text(self) -> str | None:
        """What is wrong; None: all is well."""
        if self._fault is None:
            return None
        seconds = self._clock() - self._since
        message = f": {self._fault.message}" if self._fault.message else ""
        return f"{self._subject}: {self._fault.code} for {seconds:.0f} s{message}"
