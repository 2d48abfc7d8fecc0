"""The worker and its endpoint as processes of their own, as in production; each ended by its pid.

What they write goes to a file each; ``complain_if_ended`` shows its end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tests.support.child_processes import ending_with_us
from tests.support.waiting import until
from worker.local.call_log import AcceptedCall, Summary, read_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROJECT = Path(__file__).parents[2]
# Settings of the user's own shell must not reach into a test.
FOREIGN = ("AWS_", "WORKER_")
START_SECONDS = 30.0
ANSWER_SECONDS = 5.0
# Of all calls of half an hour, on a busy machine.
BOOKS_SECONDS = 60.0
# No proxy of the environment stands between us and ourselves.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Process:
    """A module of this project, run as ``python -m``."""

    def __init__(self, words: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        """Start it; its output is added to ``log``."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.log = log
        self._log_before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                ending_with_us(sys.executable, "-m", *words),
                cwd=PROJECT,
                env={**own, "NO_PROXY": "127.0.0.1", **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines that it wrote so far."""
        written = self.log.read_bytes()[self._log_before :].splitlines(keepends=True)
        return [json.loads(line) for line in written if line.startswith(b"{") and line.endswith(b"\n")]

    def complain_if_ended(self) -> None:
        """Raise with the end of its output when it ended by itself."""
        if self.process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.process.args} ended with {self.process.returncode}: {tail}")

    def kill(self) -> None:
        """End it without a word (SIGKILL)."""
        self.process.kill()
        self.process.wait()

    def told_to_end(self) -> None:
        """SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it stand still: SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, if it is still there: SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def exit_code(self, seconds: float) -> int:
        """Wait for its end; raise ``TimeoutExpired`` when it goes on."""
        return self.process.wait(seconds)


class EndpointProcess(Process):
    """``python -m worker.local.put_events``."""

    def __init__(self, log: Path, words: Sequence[str] = ("worker.local.put_events", "--port", "0")) -> None:
        """Start it and wait until it says where it listens."""
        super().__init__(words, log)

        def said() -> list[dict[str, Any]]:
            self.complain_if_ended()
            return self.lines()

        self.url: str = until(said, START_SECONDS)[0]["url"]

    def summary(self) -> Summary:
        """The books in numbers."""
        return msgspec.json.decode(ask(f"{self.url}/calls"), type=Summary)

    def accepted(self) -> list[AcceptedCall]:
        """The accepted calls in the order of acceptance."""
        return list(read_lines(ask(f"{self.url}/calls/accepted", seconds=BOOKS_SECONDS)))

    def accepted_ids(self) -> set[str | None]:
        """The ids of all accepted events."""
        return {event_id for call in self.accepted() for event_id in call.event_ids}

    def set_faults(self, **faults: object) -> None:
        """From now on, this goes wrong; what is not named stays as it is."""
        ask(f"{self.url}/faults", json.dumps(faults).encode())


class DoorsProcess(EndpointProcess):
    """``python -m tests.support.worker_endpoints``: a PutEvents with a door for each worker."""

    def __init__(self, log: Path, doors: int, faults: Mapping[str, object], seed: int) -> None:
        """Start it; these faults are at all doors."""
        chosen = ("--doors", str(doors), "--seed", str(seed), "--faults", json.dumps(faults))
        super().__init__(log, ("tests.support.worker_endpoints", *chosen))
        self.doors: list[str] = self.lines()[0]["doors"]

    def set_faults(self, **faults: object) -> None:
        """From now on, this goes wrong at all doors; what is not named stays as it is."""
        for door in self.doors:
            ask(f"{door}/faults", json.dumps(faults).encode())

    def max_concurrent_in_session(self) -> int:
        """The most calls that a session had in flight at one door."""
        books = (msgspec.json.decode(ask(f"{door}/calls"), type=Summary) for door in self.doors)
        return max(each.max_concurrent_in_session for each in books)

    def told(self, what: str) -> int:
        """How often it told of an ``overlap`` of two doors, or that an answer was ``lost``."""
        return sum(what in line for line in self.lines())


class WorkerProcess(Process):
    """``personalize-worker run``."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        log: Path,
        environment: Mapping[str, str],
        program: Sequence[str] = ("worker",),
    ) -> None:
        """Write the configuration beside the log, and start; it may not be ready yet."""
        config = log.with_suffix(".yaml")
        # JSON is YAML.
        config.write_text(json.dumps(settings))
        super().__init__((*program, "run", "--config", str(config)), log, environment)

    def ready(self) -> tuple[bool, str]:
        """Whether it is ready, and what its page says."""
        try:
            return True, ask(f"{self._admin}/ready").decode()
        except urllib.error.HTTPError as refusal:
            return False, refusal.read().decode()

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Return once it is ready."""
        until(lambda: self.ready()[0], seconds, what=f"{self.log.stem} being ready")

    def metric(self, name: str) -> float:
        """The sum of a metric's series; 0 without any."""
        page = ask(f"{self._admin}/metrics").decode().splitlines()
        return sum(float(line.split()[-1]) for line in page if line.startswith((f"{name} ", f"{name}{{")))

    def series(self, name: str) -> int:
        """How many series a metric has."""
        page = ask(f"{self._admin}/metrics").decode().splitlines()
        return sum(line.startswith((f"{name} ", f"{name}{{")) for line in page)

    def events(self, name: str) -> list[dict[str, Any]]:
        """What it logged under this name."""
        return [line for line in self.lines() if line.get("event") == name]

    @property
    def _admin(self) -> str:
        """Where its pages are: it says so once it is that far."""

        def said() -> list[dict[str, Any]]:
            self.complain_if_ended()
            return self.events("admin.listening")

        return f"http://127.0.0.1:{until(said, START_SECONDS)[0]['port']}"


def ask(url: str, body: bytes | None = None, seconds: float = ANSWER_SECONDS) -> bytes:
    """GET, or POST a body."""
    request = urllib.request.Request(url, data=body)  # noqa: S310  an address of our own
    with _OPENER.open(request, timeout=seconds) as answer:
        content: bytes = answer.read()
    return content
