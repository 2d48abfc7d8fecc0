"""A process of the worker, and everything that it lets out, kept to be searched."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.child_processes import ending_with_us
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.security.marks import Marks

PROJECT: Final = Path(__file__).parents[2]
SOON_SECONDS: Final = 60.0
# Not asked of the worker: one whose pages break does not list them.
PAGES: Final = (
    *("/", "/live", "/ready", "/metrics", "/status", "/page.css", "/page.js"),
    *("/icon-well.svg", "/icon-rest.svg", "/icon-care.svg", "/icon-bad.svg"),
)
# What a probe does not send, and neither answer nor log may repeat.
ODD_REQUESTS: Final = (
    "GET /{mark} HTTP/1.1\r\nHost: {mark}\r\nX-{mark}: {mark}\r\n\r\n",
    "GET /ready?user={mark} HTTP/1.1\r\nCookie: {mark}\r\n\r\n",
    "{mark} /ready HTTP/1.1\r\n\r\n",
    "POST /ready HTTP/1.1\r\nContent-Length: 24\r\n\r\n{mark}",
    "GET http://{mark}/ready HTTP/1.1\r\n\r\n",
    "{mark}\r\n\r\n",
)


class Watched:
    """A process of the worker, in a folder of its own, and all that came out of it."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str], folder: Path, marks: Marks) -> None:
        """Start it."""
        self.out: dict[str, bytes] = {}
        """What came out, by where."""
        self._marks = marks
        self.home = Path(folder) / f"home {len(list(folder.iterdir()))}"
        self.home.mkdir()
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WORKER_"))}
        homes = dict.fromkeys(("HOME", "TMPDIR"), str(self.home))
        self._log = self.home.with_suffix(".log")
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                ending_with_us(sys.executable, "-P", "-m", *words),
                cwd=self.home,
                env={**own, **homes, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1", **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def said(self) -> str:
        """Its output so far."""
        return self._log.read_text(errors="replace")

    def wait_until_said(self, word: str, seconds: float = SOON_SECONDS) -> None:
        """Return once its output has it."""
        until(lambda: word in self.said() or self._has_ended(), seconds, what=f"{word!r} being said")

    def wait_until_page(self, path: str, word: str) -> None:
        """Return once a page has it."""
        until(lambda: word in self.ask(path), SOON_SECONDS, what=f"{word!r} on {path}", forgiving=OSError)

    def metric(self, name: str) -> float:
        """The sum of a metric's series."""
        page = self.ask("/metrics").splitlines()
        return sum(float(line.split()[-1]) for line in page if line.startswith((f"{name} ", f"{name}{{")))

    def ask(self, path: str) -> str:
        """A page of the admin server."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port(), timeout=10)
        with closing(connection):
            connection.request("GET", path)
            answer: str = connection.getresponse().read().decode()
        return answer

    def look(self, when: str) -> None:
        """Keep all that it shows now: pages, answers to odd requests, its names in the system."""
        for path in PAGES:
            self.out[f"page {path}, {when}"] = self._raw(f"GET {path} HTTP/1.1\r\n\r\n")
        for words in (("status",), ("status", "--json")):
            self.out[f"command {' '.join(words)}, {when}"] = self._of_a_neighbour(words)
        for number, request in enumerate(ODD_REQUESTS):
            mark = self._marks.text(f"odd request {number}")
            self.out[f"odd request {number}, {when}"] = self._raw(request.format(mark=mark))
        self.out[f"process title, {when}"] = b"".join(
            Path(f"/proc/{each}/{what}").read_bytes()
            for each in (self.process.pid, *self._children())
            for what in ("cmdline", "comm")
            if Path(f"/proc/{each}/{what}").exists()
        )

    def may_leave_a_core(self) -> bool:
        """Whether the system would write its memory to a file, were it to crash."""
        limits = Path(f"/proc/{self.process.pid}/limits").read_text().splitlines()
        (core,) = [line.split() for line in limits if line.startswith("Max core file size")]
        return core[4:6] != ["0", "0"]

    def end(self, seconds: float = SOON_SECONDS) -> int:
        """SIGTERM, and its exit code."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()

    def found(self) -> dict[str, set[str]]:
        """The marks that came out, by where: pages, output, files that it left."""
        self.out["output"] = self._log.read_bytes()
        self.out["files"] = b"".join(
            str(each).encode() + (each.read_bytes() if each.is_file() else b"")
            for each in self.home.rglob("*")
        )
        found = {where: self._marks.found_in(what) for where, what in self.out.items()}
        return {where: names for where, names in found.items() if names}

    def _port(self) -> int:
        self.wait_until_said("admin.listening")
        said = next(line for line in self.said().splitlines() if "admin.listening" in line)
        return int("".join(filter(str.isdigit, said.rpartition("port")[2])))

    def _of_a_neighbour(self, words: Sequence[str]) -> bytes:
        """What a command prints that asks this worker, as in the same container."""
        asking = [sys.executable, "-P", "-m", "worker", *words, "--address", f"127.0.0.1:{self._port()}"]
        environ = {**os.environ, "PYTHONPATH": str(PROJECT)}
        return subprocess.run(
            asking, cwd=self.home, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        ).stdout

    def _raw(self, request: str) -> bytes:
        with socket.create_connection(("127.0.0.1", self._port()), timeout=10) as connection:
            connection.sendall(request.encode())
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def _children(self) -> list[int]:
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return list(map(int, listed.read_text().split())) if listed.exists() else []

    def _has_ended(self) -> bool:
        if self.process.poll() is None:
            return False
        raise RuntimeError(f"it ended with {self.process.returncode}: {self.said()[-2000:]}")
