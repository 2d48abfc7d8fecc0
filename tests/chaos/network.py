"""The ways between worker and Kafka and between worker and API, each by way of Shopify's toxiproxy.

``go install`` brings it once, into ``.cache`` of the project; one process holds all ways.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from tests.support.child_processes import ending_with_us
from tests.support.java_kafka import free_port
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

VERSION: Final = "2.5.0"
MODULE: Final = f"github.com/Shopify/toxiproxy/v2/cmd/server@v{VERSION}"
CACHE: Final = Path(__file__).parents[2] / ".cache" / "toxiproxy"
START_SECONDS: Final = 10.0
BUILD_SECONDS: Final = 300.0
QUIET: Final = {"LOG_LEVEL": "error"}
# Slow: this long for each way, give or take.
SLOW: Final = {"latency": 400, "jitter": 200}
# No proxy of the environment stands between us and ourselves.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Trouble: TypeAlias = Literal["slow", "silent", "cut"]
BOTH_WAYS: Final = ("upstream", "downstream")


class NoProxy(Exception):  # noqa: N818  it names a state: there is no toxiproxy on this machine
    """Toxiproxy can't be had here; ``str()`` says why."""


def bring_toxiproxy() -> Path:
    """Return the program, built once; raise ``NoProxy`` where Go won't."""
    program = CACHE / f"server-{VERSION}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _build(program)
    return program


def _build(program: Path) -> None:
    # Where Go's own installer puts it, for shells that do not say so.
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise NoProxy("no Go on the path, which builds toxiproxy")
    environment = os.environ | {"GOBIN": str(CACHE)}
    words = [go, "install", "-trimpath", "-ldflags=-s -w", MODULE]
    done = subprocess.run(
        words, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )
    if done.returncode != 0:
        raise NoProxy(f"Go could not build toxiproxy: {done.stderr.strip()[-300:]}")
    (CACHE / "server").rename(program)


class Network(AbstractContextManager["Network"]):
    """Ways with names; what is on them is on all connections of the way, old and new."""

    def __init__(self, log: Path) -> None:
        """Start the process and wait until it answers."""
        port = free_port()
        self._api = f"http://127.0.0.1:{port}"
        words = ending_with_us(str(bring_toxiproxy()), "-host", "127.0.0.1", "-port", str(port))
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                words, env=os.environ | QUIET, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        until(lambda: self._ask("GET", "/version"), START_SECONDS, forgiving=OSError, what="toxiproxy")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def lay(self, name: str, to_port: int) -> int:
        """Lay a way to a port of this machine; the port where it begins."""
        port = free_port()
        way = {"name": name, "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{to_port}"}
        self._ask("POST", "/proxies", way)
        return port

    def trouble(self, name: str, trouble: Trouble) -> None:
        """Put a trouble on a way."""
        match trouble:
            case "slow":
                self._poison(name, "latency", SLOW)
            case "silent":
                # Nothing gets through, and nobody is told; the connections end with the trouble.
                self._poison(name, "timeout", {"timeout": 0})
            case "cut":
                self._ask("POST", f"/proxies/{name}", {"enabled": False})

    def repair(self, name: str, trouble: Trouble) -> None:
        """Take it off again."""
        if trouble == "cut":
            self._ask("POST", f"/proxies/{name}", {"enabled": True})
            return
        for stream in BOTH_WAYS:
            self._ask("DELETE", f"/proxies/{name}/toxics/{stream}")

    def _poison(self, name: str, kind: str, attributes: dict[str, int]) -> None:
        for stream in BOTH_WAYS:
            toxic = {"name": stream, "type": kind, "stream": stream, "attributes": attributes}
            self._ask("POST", f"/proxies/{name}/toxics", toxic)

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310  an address of our own
            f"{self._api}{path}", data=data, method=method, headers={"Content-Type": "application/json"}
        )
        with _OPENER.open(request, timeout=START_SECONDS) as answer:
            content: bytes = answer.read()
        return content
