"""The process, when nobody reads what it says."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.child_processes import ending_with_us
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def worker(tmp_path: Path, free_port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that waits for a Kafka that is not there, and says so."""
    settings = {
        "kafka": {"bootstrap_servers": "127.0.0.1:1", "topics": ["t"], "client": {"log_level": 7}},
        "personalize": {"tracking_id": "t", "region": "eu-west-1", "endpoint_url": "http://127.0.0.1:1"},
        "dead_letters": {"topic": "d"},
        "admin": {"host": "127.0.0.1", "port": free_port},
    }
    config = tmp_path / "worker.yaml"
    config.write_text(json.dumps(settings))
    command = ending_with_us(sys.executable, "-m", "worker", "run", "--config", str(config))
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # The pipe is full before the worker says its first word.
    while True:
        try:
            os.write(writer, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(writer, True)
    process = subprocess.Popen(command, stdout=writer, env=_environment())
    os.close(writer)
    process.reader = reader  # type: ignore[attr-defined]  # the test's own end of it
    yield process
    process.kill()
    process.wait()


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WORKER_"))}
    return own | {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


def answers(port: int, page: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", page)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_worker_whose_output_nobody_reads_answers_and_ends_when_told(
    worker: subprocess.Popen[bytes], free_port: int
) -> None:
    until(lambda: answers(free_port, "/live") == 200, 30, forgiving=OSError)
    assert answers(free_port, "/ready") == 503
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0


def test_a_worker_whose_reader_has_gone_goes_on(worker: subprocess.Popen[bytes], free_port: int) -> None:
    os.close(worker.reader)  # type: ignore[attr-defined]  # set by the fixture
    until(lambda: answers(free_port, "/live") == 200, 30, forgiving=OSError)
    assert worker.poll() is None
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0


@pytest.mark.parametrize("words", [("schema",), ("status", "--address", "127.0.0.1:1")])
def test_a_command_whose_reader_has_gone_ends_without_a_word(words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "worker", *words], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == b""
