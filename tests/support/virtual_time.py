"""An event loop whose time jumps to the next timer: hours pass in milliseconds, and every run is the same.

It counts its turns, and a turn is one callback: whatever happens between two awaits of some task happens in
one turn, so whoever acts after the n-th turn can act at any await there is.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from contextvars import copy_context
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from contextvars import Context

Result = TypeVar("Result")

_MOMENT_SECONDS = 0.01


class Stuck(AssertionError):  # noqa: N818  it names the state
    """Everybody waits and nothing is due: a wake-up was lost."""


class Turn:
    """A callback that is due, or will be."""

    __slots__ = ("args", "callback", "context", "is_cancelled")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled


class VirtualLoop(asyncio.AbstractEventLoop):
    """The loop; its time begins at 0. Whatever a callback raises ends the run."""

    def __init__(self) -> None:
        self.turns = 0
        self.keep_back: Callable[[Turn], bool] | None = None
        """Asked before each turn, where set: True takes it out, to be put back into ``ready`` later."""
        self.ready: deque[Turn] = deque()
        self._now = 0.0
        self._timers: list[tuple[float, int, Turn]] = []
        self._alarms: list[tuple[int, int, Callable[[], object]]] = []
        self._alarm_turn = inf
        self._entries = 0
        self._is_running = self._is_stopping = self._is_closed = False

    def time(self) -> float:
        return self._now

    def at_turn(self, turn: int, callback: Callable[[], object]) -> None:
        """Call back before that turn (counted from the loop's first)."""
        self._entries += 1
        heapq.heappush(self._alarms, (turn, self._entries, callback))
        self._alarm_turn = self._alarms[0][0]

    def forget_alarms(self) -> None:
        """Take back every ``at_turn`` that has not come."""
        self._alarms, self._alarm_turn = [], inf

    def call_soon(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> Turn:
        turn = Turn(callback, args, copy_context() if context is None else context)
        self.ready.append(turn)
        return turn

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> Turn:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> Turn:
        turn = Turn(callback, args, copy_context() if context is None else context)
        self._entries += 1
        heapq.heappush(self._timers, (when, self._entries, turn))
        return turn

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Result], **more: Any) -> asyncio.Task[Result]:
        return asyncio.Task(coro, loop=self, **more)

    def run_in_executor(
        self,
        executor: object,  # noqa: ARG002  the loop's protocol
        function: Callable[..., Result],
        *args: object,
    ) -> asyncio.Future[Result]:
        """There are no threads: it is done a moment later, at once."""
        done: asyncio.Future[Result] = self.create_future()

        def run() -> None:
            if not done.done():
                done.set_result(function(*args))

        self.call_later(_MOMENT_SECONDS, run)
        return done

    def run_forever(self) -> None:
        self._is_running = True
        asyncio._set_running_loop(self)  # noqa: SLF001  meant for those who write loops
        try:
            while not self._is_stopping:
                self._round()
        finally:
            self._is_running = self._is_stopping = False
            asyncio._set_running_loop(None)  # noqa: SLF001  as above

    def run_until_complete(self, future: Awaitable[Result]) -> Result:
        task = asyncio.ensure_future(future, loop=self)
        task.add_done_callback(lambda _: self.stop())
        self.run_forever()
        return task.result()

    def stop(self) -> None:
        self._is_stopping = True

    def is_running(self) -> bool:
        return self._is_running

    def is_closed(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        self._is_closed = True

    async def shutdown_asyncgens(self) -> None:
        """There is nothing to do: no test leaves one open."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  the loop's protocol
        """There is none."""

    def get_debug(self) -> bool:
        return False

    def set_debug(self, enabled: bool) -> None:  # noqa: FBT001  the loop's protocol
        """Nothing is known but this one way to run."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Hear of what nobody awaits: raised, while there is somebody to hear it."""
        if self._is_running and (error := context.get("exception")) is not None:
            raise error

    def _round(self) -> None:
        """All that is ready now; when nothing is, the time of the next timer comes."""
        ready, timers = self.ready, self._timers
        if not ready:
            while timers and timers[0][2].is_cancelled:
                heapq.heappop(timers)
            if not timers:
                raise Stuck
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            turn = heapq.heappop(timers)[2]
            if not turn.is_cancelled:
                ready.append(turn)
        for _ in range(len(ready)):
            turn = ready.popleft()
            if turn.is_cancelled or (self.keep_back is not None and self.keep_back(turn)):
                continue
            if self.turns >= self._alarm_turn:
                self._ring()
            self.turns += 1
            turn.context.run(turn.callback, *turn.args)
            if self._is_stopping:
                return

    def _ring(self) -> None:
        while self._alarms and self._alarms[0][0] <= self.turns:
            heapq.heappop(self._alarms)[2]()
        self._alarm_turn = self._alarms[0][0] if self._alarms else inf


def in_virtual_time(scenario: Coroutine[Any, Any, Result]) -> Result:
    """Run ``scenario`` to its end."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario)
