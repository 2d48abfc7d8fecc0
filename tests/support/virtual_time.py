"""An event loop whose time jumps to the next timer: hours pass in milliseconds, and every run is the same."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

Result = TypeVar("Result")

_LEAST_STEP_SECONDS = 1e-9


class Stuck(AssertionError):  # noqa: N818  it names the state
    """Everybody waits and nothing is due: a wake-up was lost."""


class _TimeJumper(selectors.SelectSelector):
    """Instead of waiting for a file, moves the clock on."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck
        if timeout > 0:
            # A step too small for the float would stand still for ever, just short of the timer.
            self.now += max(timeout, _LEAST_STEP_SECONDS)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; its time begins at 0."""

    def __init__(self) -> None:
        self._jumper = _TimeJumper()
        super().__init__(self._jumper)

    def time(self) -> float:
        return self._jumper.now


def in_virtual_time(scenario: Coroutine[Any, Any, Result]) -> Result:
    """Run ``scenario`` to its end."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario)
