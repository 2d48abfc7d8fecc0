from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from worker.telemetry.cpu import CpuClock

if TYPE_CHECKING:
    from pathlib import Path


def cores(cgroup: Path) -> float:
    return CpuClock(cgroup).read().cores


def test_a_limit_is_what_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("25000 100000\n")
    assert cores(tmp_path) == 0.25


def test_a_limit_of_the_old_cgroups_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("50000\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert cores(tmp_path) == 0.5


@pytest.mark.parametrize("text", ["max 100000\n", "", "-1 100000", "1 2 3", "x y"])
def test_without_a_limit_all_cores_may_be_used(tmp_path: Path, text: str) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert cores(tmp_path) >= 1


def test_work_is_counted(tmp_path: Path) -> None:
    clock = CpuClock(tmp_path)
    before = clock.read()
    until = time.thread_time() + 0.01
    while time.thread_time() < until:
        pass
    after = clock.read()
    assert after.loop_seconds - before.loop_seconds >= 0.01
    assert after.process_seconds - before.process_seconds >= 0.01
