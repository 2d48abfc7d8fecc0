"""Looks at a running worker: its memory, how late its loop is, its numbers."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from benchmarks.processes import admin_page, all_metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.processes import Process

LOOK_SECONDS = 0.25
# As /live says it: of about the last minute.
WORST_LAG = re.compile(rb"at most ([0-9.]+) s lately")
DEAD_LETTERS = re.compile(r'records_dead_lettered_total\{reason="(\w+)"\}')


class Watch:
    """What was seen of one worker; it looks whenever somebody waits."""

    def __init__(self, process: Process, port: int) -> None:
        """Watch the worker with this admin port."""
        self.process = process
        self.port = port
        self.worst_lag_seconds = 0.0
        self.most_unsettled_bytes = 0.0

    def until(self, condition: Callable[[dict[str, float]], bool], seconds: float, what: str = "it") -> float:
        """Look until its metrics say so; how many seconds that took.

        Raises:
            TimeoutError: they did not in time.
        """
        began = time.monotonic()
        while not condition(self.look()):
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"{what} is not so after {seconds:g} s: {self.look()}")
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - began

    def idle(self, seconds: float) -> None:
        """Look for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.look()
            time.sleep(min(1.0, left))

    def look(self) -> dict[str, float]:
        """Its metrics by name and labels; none while it is not there yet, or answers too late."""
        self.process.complain_if_ended()
        try:
            if worst := WORST_LAG.search(admin_page(self.port, "live")):
                self.worst_lag_seconds = max(self.worst_lag_seconds, float(worst[1]))
            now = all_metrics(self.port)
        except OSError:
            return {}
        self.most_unsettled_bytes = max(self.most_unsettled_bytes, now.get("unsettled_bytes", 0.0))
        return now

    def ready(self) -> str:
        """What /ready says."""
        return admin_page(self.port, "ready").decode().strip()


def dead_letters(metrics: dict[str, float]) -> dict[str, int]:
    """How many were written, by reason; of what ``look`` gave."""
    found = ((DEAD_LETTERS.fullmatch(name), count) for name, count in metrics.items())
    return {match[1]: int(count) for match, count in found if match is not None and count}
