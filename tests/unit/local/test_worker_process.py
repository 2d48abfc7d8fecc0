"""Starting, killing and ending the worker's process, tried on stand-ins that need no worker."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from worker.local.worker_process import WorkerProcess

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LOCAL = "local"
DRAINS = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
ours = sorted(name for name in os.environ if name.startswith(("AWS_", "WORKER_")))
print(open(sys.argv[1]).read(), ours, flush=True)
while True:
    signal.pause()
"""
DEAF = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
while True:
    signal.pause()
"""


def process(folder: Path, script: str) -> WorkerProcess:
    command = (sys.executable, "-c", script)
    return WorkerProcess(folder, {"a": 1}, LOCAL, LOCAL, command)


async def said_something(worker: WorkerProcess) -> None:
    """Return once it has written a line; then it has set up its signals."""
    while not worker.last_lines():
        pass


async def test_it_gets_its_configuration_and_keys_and_tells_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "the user's own")
    monkeypatch.setenv("WORKER_KAFKA__GROUP_ID", "the user's own")
    worker = process(tmp_path, DRAINS)
    assert not worker.is_running
    await worker.start()
    await said_something(worker)
    assert worker.is_running
    assert await worker.end(seconds=10) == 7
    assert worker.last_lines() == f"{json.dumps({'a': 1})} ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']"


async def test_a_killed_one_can_be_started_again(tmp_path: Path) -> None:
    worker = process(tmp_path, DRAINS)
    await worker.kill()
    await worker.start()
    await worker.kill()
    assert not worker.is_running
    await worker.start()
    await worker.kill()


async def test_one_that_does_not_end_in_time_has_no_exit_code(tmp_path: Path) -> None:
    worker = process(tmp_path, DEAF)
    await worker.start()
    await said_something(worker)
    assert await worker.end(seconds=0.05) is None
    await worker.kill()
