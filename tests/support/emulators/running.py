"""Running an emulator for as long as a ``with`` block; its address comes once it answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.child_processes import ending_with_us
from tests.support.emulators.supply import HERE, LOOPBACK, moto_python, node_packages
from tests.support.java_kafka import free_port
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0
# How long a change of a stream takes: long enough for a test to write meanwhile.
CHANGE_MS: Final = 400


@contextmanager
def kinesis_local() -> Iterator[str]:
    """kinesis-local: kinesis-mock, compiled to JavaScript."""
    folder = node_packages() / "kinesis-local"
    port, unused = free_port(), free_port()
    changes = ("SPLIT_SHARD", "MERGE_SHARDS", "UPDATE_SHARD_COUNT")
    environment = {
        "LOG_LEVEL": "ERROR",
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": str(unused),
        "SHARD_LIMIT": "200",
        "CREATE_STREAM_DURATION": "50ms",
        "DELETE_STREAM_DURATION": "50ms",
        **{f"{each}_DURATION": f"{CHANGE_MS}ms" for each in changes},
    }
    # It looks for its files where it is started.
    with _running(["node", "--require", str(LOOPBACK), "main.js"], port, folder, environment) as url:
        yield url


@contextmanager
def kinesalite() -> Iterator[str]:
    """kinesalite: the eldest, and read from what AWS answers."""
    port = free_port()
    times = ("--createStreamMs", "50", "--deleteStreamMs", "50", "--updateStreamMs", str(CHANGE_MS))
    program = str(node_packages() / "kinesalite" / "cli.js")
    command = ["node", "--require", str(LOOPBACK), program, "--port", str(port), "--shardLimit", "200"]
    with _running([*command, *times], port) as url:
        yield url


@contextmanager
def dynalite() -> Iterator[str]:
    """dynalite: strict about values, and read from what AWS answers."""
    port = free_port()
    times = ("--createTableMs", "50", "--deleteTableMs", "50", "--updateTableMs", "50")
    program = str(node_packages() / "dynalite" / "cli.js")
    with _running(["node", program, "--host", "127.0.0.1", "--port", str(port), *times], port) as url:
        yield url


@contextmanager
def moto() -> Iterator[str]:
    """moto's server, which answers one request after the other."""
    port = free_port()
    program = [str(moto_python()), str(HERE / "moto_in_turn.py")]
    with _running([*program, "-H", "127.0.0.1", "-p", str(port)], port) as url:
        yield url


@contextmanager
def _running(
    command: Sequence[str],
    port: int,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Run it until the block ends, however it does."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            ending_with_us(*command),
            cwd=folder or Path(tempfile.gettempdir()),
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

        def listens() -> bool:
            if process.poll() is not None:
                log.seek(0)
                raise RuntimeError(f"{command[0]} ended: {log.read()[-1000:].decode(errors='replace')}")
            with socket.create_connection(("127.0.0.1", port), 1):
                return True

        try:
            until(listens, START_SECONDS, forgiving=OSError, what=f"{command} listening")
            yield f"http://127.0.0.1:{port}"
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
