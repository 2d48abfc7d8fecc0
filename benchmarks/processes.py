"""The processes that take part, each started here, measured by its pid, and ended by it.

CPU and memory are the kernel's own figures for the process with all its threads; no program has children.
Linux only: they are read from /proc, so that a part of a run can be measured, without start and end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from worker.local.call_log import AcceptedCall, Summary, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Settings of the user's own shell must not reach into what is measured.
FOREIGN = ("AWS_", "OTEL_", "WORKER_")
KEYS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true"}
PROJECT = Path(__file__).parents[1]
LOG_TAIL_CHARACTERS = 2_000
ASK_SECONDS = 5
# For the books of millions of events.
READ_SECONDS = 60
END_SECONDS = 60
# Of the kernel, which says kB and means 1,024 bytes.
KIB = 1024
MB = 1_000_000


class Process:
    """A Python program of this project that runs."""

    def __init__(self, popen: subprocess.Popen[bytes], log: Path) -> None:
        """Look after a process that was just started; its log is for when it fails."""
        self.popen = popen
        self._log = log

    def cpu_seconds(self) -> float:
        """User and system time so far, of all threads, to a hundredth of a second."""
        # The name, in brackets, may hold anything; utime and stime are the 14th and 15th field of all.
        fields = self._read("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> float:
        """Resident memory now (VmRSS)."""
        return self._memory_mb("VmRSS")

    def peak_mb(self) -> float:
        """The most resident memory there was (VmHWM)."""
        return self._memory_mb("VmHWM")

    def complain_if_ended(self) -> None:
        """Raise with the log's end when it ended by itself."""
        if self.popen.poll() is not None:
            raise RuntimeError(f"ended with {self.popen.returncode}: {self.last_words()}")

    def end(self) -> int:
        """Tell it to end, and wait until it has; its exit code."""
        self.popen.terminate()
        return self.popen.wait(END_SECONDS)

    def last_words(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]

    def _memory_mb(self, name: str) -> float:
        line = next(line for line in self._read("status").splitlines() if line.startswith(f"{name}:"))
        return int(line.split()[1]) * KIB / MB

    def _read(self, name: str) -> str:
        self.complain_if_ended()
        return Path(f"/proc/{self.popen.pid}/{name}").read_text(encoding="utf-8")


@contextmanager
def running(
    words: Sequence[str],
    folder: Path,
    *,
    says: int | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Process]:
    """``python words`` for as long as the block: killed at its end, for nothing in it is to be kept."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    log_path = folder / "log"
    with ExitStack() as stack:
        log = stack.enter_context(log_path.open("ab"))
        popen = subprocess.Popen(
            [sys.executable, *words],
            cwd=PROJECT,
            env={**own, **KEYS, "NO_PROXY": "127.0.0.1", **environ},
            stdin=subprocess.DEVNULL,
            stdout=log if says is None else says,
            stderr=log,
        )
        try:
            yield Process(popen, log_path)
        finally:
            popen.kill()
            popen.wait()
            if popen.stdout is not None:
                popen.stdout.close()


class Endpoint:
    """The local PutEvents in a process of its own, which checks nothing and answers at once."""

    def __init__(self, url: str) -> None:
        """Know where it listens."""
        self.url = url

    def books(self) -> Summary:
        """What it accepted so far."""
        return msgspec.json.decode(ask(f"{self.url}/calls"), type=Summary)

    def accepted(self) -> Iterator[AcceptedCall]:
        """The calls it accepted so far, in the order of acceptance."""
        return read_lines(ask(f"{self.url}/calls/accepted", seconds=READ_SECONDS))

    def set_faults(self, faults: Mapping[str, Any]) -> None:
        """From now on, this goes wrong; what is not named stays as it is."""
        ask(f"{self.url}/faults", json.dumps(faults).encode())


@contextmanager
def endpoint(folder: Path, faults: Mapping[str, Any] | None = None, *, port: int = 0) -> Iterator[Endpoint]:
    """An endpoint with empty books, for as long as the block."""
    words = ("-m", "worker.local.put_events", "--fast", "--port", str(port))
    with running(words, folder, says=subprocess.PIPE) as process:
        listening = Endpoint(url_of(process))
        listening.set_faults(faults or {})
        yield listening


def url_of(process: Process) -> str:
    """The address at which it listens, which its first line says."""
    assert process.popen.stdout is not None
    line = process.popen.stdout.readline()
    if not line:
        process.popen.wait()
        process.complain_if_ended()
    url: str = json.loads(line)["url"]
    return url


def metrics(port: int) -> dict[str, float]:
    """The worker's metrics that have no labels, without their prefix."""
    return {name: value for name, value in all_metrics(port).items() if "{" not in name}


def all_metrics(port: int) -> dict[str, float]:
    """The worker's metrics by name and labels as they stand on the page, without their prefix."""
    lines = admin_page(port, "metrics").decode().splitlines()
    pairs = (line.rsplit(maxsplit=1) for line in lines if not line.startswith("#"))
    return {name.removeprefix("personalize_worker_"): float(value) for name, value in pairs}


def admin_page(port: int, name: str) -> bytes:
    """A page of the worker's, whatever its status."""
    try:
        return ask(f"http://127.0.0.1:{port}/{name}")
    except urllib.error.HTTPError as said:
        return said.read()


def ask(url: str, body: bytes | None = None, seconds: float = ASK_SECONDS) -> bytes:
    """GET, or POST a body."""
    request = urllib.request.Request(url, data=body)  # noqa: S310  an address of our own
    # No proxy of the environment stands between us and ourselves.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=seconds) as answer:
        content: bytes = answer.read()
    return content
