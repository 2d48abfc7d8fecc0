from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from worker.core.model.snapshot import Readiness
from worker.core.model.worker_status import WorkerStatus
from worker.telemetry.admin import AdminServer
from worker.telemetry.health import INTERVAL_SECONDS, SAMPLES, LoopLag

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Timer:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class LateLoop:
    """A loop that makes its one call as late as it is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timer = Timer()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., None], *args: object) -> Timer:
        self.due = when, callback, args
        self.timer = Timer()
        return self.timer

    def turn(self, late_seconds: float) -> None:
        when, callback, args = self.due
        self.now = when + late_seconds
        callback(*args)


@pytest.fixture
def loop() -> LateLoop:
    return LateLoop()


def watching(loop: LateLoop) -> LoopLag:
    lag = LoopLag()
    lag.start(cast("asyncio.AbstractEventLoop", loop))
    return lag


def test_lag_is_how_late_the_loop_called(loop: LateLoop) -> None:
    lag = watching(loop)
    assert loop.due[0] == 100.0 + INTERVAL_SECONDS
    loop.turn(late_seconds=0.25)
    loop.turn(late_seconds=0.0)
    assert lag.last_seconds == 0.0
    assert lag.worst_seconds == pytest.approx(0.25)


async def test_the_admin_server_has_the_lag_that_it_was_given_watched() -> None:
    lag = LoopLag()
    server = AdminServer(
        "127.0.0.1",
        0,
        readiness=lambda: Readiness(ready=True),
        render_metrics=bytes,
        status=lambda: WorkerStatus(ready=True, reasons=(), version="1", up_seconds=0.0, group="g"),
        lag=lag,
    )
    assert not lag.is_watching
    await server.start()
    assert lag.is_watching
    await server.stop()


def test_an_old_lag_is_forgotten(loop: LateLoop) -> None:
    lag = watching(loop)
    loop.turn(late_seconds=3.0)
    for _ in range(SAMPLES):
        loop.turn(late_seconds=0.0)
    assert lag.worst_seconds == 0.0


def test_stopped_it_is_called_no_more(loop: LateLoop) -> None:
    lag = watching(loop)
    lag.stop()
    assert loop.timer.cancelled
