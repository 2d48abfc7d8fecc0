"""Runs the worker as a separate process, as a user starts it, to be killed, restarted and stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Settings from the user's own shell must not affect the demo.
FOREIGN = ("AWS_", "WORKER_")
TAIL_LINES = 15
COMMAND = (sys.executable, "-m", "worker", "run", "--config")


class WorkerProcess:
    """``personalize-worker run``, one process at a time; its log goes to one file.

    Args:
        folder: where to write the configuration and the log; nothing runs yet.
        settings: the configuration.
        access_key: the AWS access key.
        secret_key: its secret.
        command: the command, up to the configuration file.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any],
        access_key: str,
        secret_key: str,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._command = command
        self._config = folder / "config.yaml"
        # JSON is valid YAML.
        self._config.write_text(json.dumps(settings), encoding="utf-8")
        self._log = folder / "worker.log"
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self._environment = own | {
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key,
            "NO_PROXY": "127.0.0.1",
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it; it takes a second until it delivers."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                str(self._config),
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    async def kill(self) -> None:
        """Kill it without warning (SIGKILL), if it is running."""
        if self._process is not None and self.is_running:
            self._process.kill()
            await self._process.wait()

    async def end(self, seconds: float) -> int | None:
        """Ask it to drain and stop (SIGTERM); return its exit code, or None if it takes longer than this."""
        if self._process is None:
            return None
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            return None

    def last_lines(self) -> str:
        """Return the end of its log."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])
