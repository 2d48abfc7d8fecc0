"""The command ``endpoint``: PutEvents for one's own topic."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.support.child_processes import ending_with_us
from tests.support.waiting import until
from tests.unit.local.calls import call, client, event
from worker.cli import main
from worker.commands.endpoint import accepted
from worker.local.call_log import CallLog

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

SOON_SECONDS = 30


class Running:
    """The command, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said = ""

    def read(self) -> str:
        """All that was said, without waiting for more."""
        assert self.process.stdout is not None
        while select.select([self.process.stdout], [], [], 0)[0]:
            if not (more := os.read(self.process.stdout.fileno(), 4096)):
                break
            self.said += more.decode()
        return self.said

    def has_said(self, text: str) -> bool:
        return text in self.read()

    def url(self) -> str:
        until(lambda: self.has_said("no call yet"), SOON_SECONDS)
        (found,) = re.findall(r"WORKER_PERSONALIZE__ENDPOINT_URL=(\S+)", self.said)
        return str(found)


@contextmanager
def running(*words: str) -> Iterator[Running]:
    command = ending_with_us(sys.executable, "-m", "worker", "endpoint", *words)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_what_it_accepted_and_ends_well_when_told(told: signal.Signals) -> None:
    with running("--port", "0") as endpoint:
        boto = client(endpoint.url(), access_key="whoever", secret_key="whatever")  # noqa: S106  any will do
        boto.put_events(**call(event(eventId="a"), event(eventId="b")))
        with pytest.raises(ClientError, match="InvalidInputException"):
            boto.put_events(**call(event(eventType=None)))
        boto.close()
        line = "accepted 1 calls, 2 events; refused 1 InvalidInputException"
        until(lambda: endpoint.has_said(line), SOON_SECONDS)
        endpoint.process.send_signal(told)
        assert endpoint.process.wait(SOON_SECONDS) == 0
        assert endpoint.read().endswith(f"Ended as told: {line}.\n")
        assert endpoint.process.stderr is not None
        assert endpoint.process.stderr.read() == b""


def test_it_is_there_for_this_machine_only() -> None:
    with running("--port", "0") as endpoint:
        assert endpoint.url().startswith("http://127.0.0.1:")


def test_whoever_stops_reading_what_it_says_is_answered_all_the_same() -> None:
    with running("--port", "0") as endpoint:
        boto = client(endpoint.url())
        assert endpoint.process.stdout is not None
        endpoint.process.stdout.close()
        for _ in range(3):
            boto.put_events(**call())
        boto.close()
        endpoint.process.send_signal(signal.SIGTERM)
        assert endpoint.process.wait(SOON_SECONDS) == 0


def test_a_port_that_is_taken_is_said_with_what_to_do(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["endpoint", "--port", str(port)]) == 1
    shown = capfd.readouterr()
    assert f"can't listen on port {port} of 127.0.0.1: choose another with --port" in shown.err


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_a_port_that_is_none_is_a_wrong_command_line(port: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["endpoint", "--port", port])
    assert ended.value.code == 2


def test_it_takes_no_memory_for_what_it_accepted() -> None:
    """A topic of millions may be tried."""
    call_log = CallLog(numbers_only=True)
    for _ in range(3):
        call_log.accept(0.0, "s", None, ("a", "b"))
    assert call_log.lines() == b""
    assert accepted(call_log.summary()) == "accepted 3 calls, 6 events"
