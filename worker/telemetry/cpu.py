"""The CPU time that the process and its event loop have used, and how much of a core they may use."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from msgspec import Struct

_CGROUP: Final = Path("/sys/fs/cgroup")


class CpuTime(Struct, frozen=True):
    """CPU seconds since the process, and its thread, began."""

    loop_seconds: float
    process_seconds: float
    cores: float
    """How many cores the process may use at once."""


class CpuClock:
    """Reads the CPU time; the limit is read once, as it only changes with the container.

    Args:
        cgroup: where the kernel shows the limits of the container.
    """

    def __init__(self, cgroup: Path = _CGROUP) -> None:
        self._cores = min(_limit(cgroup), float(os.cpu_count() or 1))

    def read(self) -> CpuTime:
        """Return the CPU time up to now. Called on the loop, whose thread it measures."""
        return CpuTime(time.thread_time(), time.process_time(), self._cores)


def _limit(cgroup: Path) -> float:
    """Return how many cores the container's limit allows; ``inf`` without one, or where none is shown."""
    words = _words(cgroup / "cpu.max") or (
        *_words(cgroup / "cpu/cpu.cfs_quota_us"),
        *_words(cgroup / "cpu/cpu.cfs_period_us"),
    )
    try:
        microseconds, of = (int(each) for each in words)
    except ValueError:
        # "max 100000", or no such files.
        return float("inf")
    return microseconds / of if microseconds > 0 and of > 0 else float("inf")


def _words(file: Path) -> tuple[str, ...]:
    try:
        return tuple(file.read_text(encoding="ascii").split())
    except OSError:
        return ()
