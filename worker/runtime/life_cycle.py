"""Runs an async main as a process: its log, its signals, its exit code and its end.

The first SIGTERM or SIGINT asks the main to stop, which drains; a second one ends the process at once.
Threads of librdkafka may hang on an unreachable broker, so the process never waits for them at its end.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import structlog
import uvloop

from worker.runtime.exit_codes import ExitCode, code_of_signal
from worker.runtime.failures import causes, report_failure
from worker.runtime.log_signals import LogSignals
from worker.runtime.signals import install_signal_handlers
from worker.telemetry.log_levels import LogLevels
from worker.telemetry.logs import configure_logs, log_crashes, log_dropped
from worker.telemetry.unblocked import LAST_LINES_SECONDS, UnblockedLines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import NoReturn

    from worker.pipeline.pipeline import Pipeline
    from worker.settings import LogSettings

log = structlog.get_logger(__name__)


class LifeCycle:
    """Runs one async main in this process, then ends the process.

    Args:
        settings: the level and format of the log.
        descriptor: the open file to log to; its reader is never waited for.
    """

    def __init__(self, settings: LogSettings, descriptor: int) -> None:
        self._log_lines = UnblockedLines(descriptor, log_dropped)
        line_format = None if settings.format == "auto" else settings.format
        levels = LogLevels(settings.level, settings.levels)
        configure_logs(levels, line_format, self._log_lines)
        self._log_signals = LogSignals(levels, settings.debug_seconds)
        log_crashes()
        # Kept and never closed, because closing it would wait for threads that may hang on a broker.
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._stopping = asyncio.Event()

    def run(
        self,
        main: Callable[[asyncio.Event], Awaitable[ExitCode]],
        report: Callable[[Exception], ExitCode] = report_failure,
    ) -> ExitCode:
        """Run ``main`` to its end; return its exit code, or the one for its failure.

        Args:
            main: receives the event that tells it to stop.
            report: logs the failure of ``main``, and returns the exit code for it.
        """
        return self._runner.run(self._run(main, report))

    def exit(self, code: ExitCode) -> NoReturn:
        """End the process once the last log lines are written, or if nobody reads them."""
        self._exit(code)

    async def _run(
        self,
        main: Callable[[asyncio.Event], Awaitable[ExitCode]],
        report: Callable[[Exception], ExitCode],
    ) -> ExitCode:
        install_signal_handlers(self._on_signal)
        self._log_signals.install()
        try:
            return await main(self._stopping)
        except Exception as error:  # noqa: BLE001  outermost: the unexpected is reported, not swallowed
            return max(report(each) for each in causes(error))

    def _on_signal(self, number: int) -> None:
        """Drain on the first signal; end at once on the second, which repeats calls but loses nothing."""
        if self._stopping.is_set():
            log.warning("worker.ended_at_once", signal=number)
            self._exit(code_of_signal(number))
        self._stopping.set()

    def _exit(self, code: int) -> NoReturn:
        self._log_lines.drain(LAST_LINES_SECONDS)
        # Not sys.exit, because it waits for threads that may hang on a broker.
        os._exit(code)


async def run_until_stopped(pipeline: Pipeline, stopping: asyncio.Event) -> None:
    """Run the pipeline to its end; when told to stop, it drains first."""

    async def stop() -> None:
        await stopping.wait()
        pipeline.stop()

    stopper = asyncio.create_task(stop())
    try:
        await pipeline.run()
    finally:
        stopper.cancel()
