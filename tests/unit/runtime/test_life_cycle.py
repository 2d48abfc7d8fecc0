"""A process drains on the first signal, ends at once on the second, and waits for no thread at its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.child_processes import ending_with_us

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = """
import asyncio, sys, threading
import structlog
from worker.runtime.exit_codes import ExitCode
from worker.runtime.life_cycle import LifeCycle
from worker.settings import LogSettings

async def main(stopping):
    threading.Thread(target=threading.Event().wait).start()
    structlog.get_logger("test").info("test.running")
    async def chat():
        while True:
            structlog.get_logger("test").debug("test.debug")
            await asyncio.sleep(0.01)
    chatting = asyncio.create_task(chat())
    await stopping.wait()
    chatting.cancel()
    structlog.get_logger("test").info("test.told_to_stop")
    match sys.argv[1]:
        case "hang":
            await asyncio.Event().wait()
        case "fail":
            raise ExceptionGroup("both", [OSError("away"), ExceptionGroup("one", [ValueError("hunter2")])])
    return ExitCode.OK

settings = LogSettings(format="json", debug_seconds=0.2 if sys.argv[1] == "briefly" else 600)
life_cycle = LifeCycle(settings, sys.stdout.fileno())
life_cycle.exit(life_cycle.run(main))
"""


@pytest.fixture
def process(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs, and whose thread never ends."""
    command = ending_with_us(sys.executable, "-c", PROGRAM, request.param)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert event(process) == "test.running"
        yield process
        process.kill()


def event(process: subprocess.Popen[bytes]) -> str:
    """Of the next log line."""
    assert process.stdout is not None
    name: str = json.loads(process.stdout.readline())["event"]
    return name


@pytest.mark.parametrize("process", ["drain"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_stops_and_no_thread_is_waited_for(
    process: subprocess.Popen[bytes], number: int
) -> None:
    process.send_signal(number)
    assert event(process) == "test.told_to_stop"
    assert process.wait(20) == 0


@pytest.mark.parametrize("process", ["hang"], indirect=True)
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_second_signal_ends_it_at_once(
    process: subprocess.Popen[bytes], number: int, exit_code: int
) -> None:
    process.send_signal(signal.SIGTERM)
    assert event(process) == "test.told_to_stop"
    process.send_signal(number)
    assert event(process) == "worker.ended_at_once"
    assert process.wait(20) == exit_code


@pytest.mark.parametrize("process", ["fail"], indirect=True)
def test_every_cause_of_a_failure_is_reported(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert event(process) == "test.told_to_stop"
    assert [event(process), event(process)] == ["worker.failed", "worker.crashed"]
    assert process.wait(20) == 1


def next_but(process: subprocess.Popen[bytes], passed_over: str) -> str:
    """The next event that is another one."""
    while (name := event(process)) == passed_over:
        pass
    return name


@pytest.mark.parametrize("process", ["drain"], indirect=True)
def test_a_signal_shows_debug_and_another_ends_that(process: subprocess.Popen[bytes]) -> None:
    # Without debug shown, it has nothing to end.
    process.send_signal(signal.SIGUSR2)
    process.send_signal(signal.SIGUSR1)
    assert event(process) == "log.debug_shown"
    assert event(process) == "test.debug"
    process.send_signal(signal.SIGUSR1)
    assert next_but(process, "test.debug") == "log.debug_shown"
    process.send_signal(signal.SIGUSR2)
    assert next_but(process, "test.debug") == "log.debug_ended"
    process.send_signal(signal.SIGTERM)
    assert event(process) == "test.told_to_stop"
    assert process.wait(20) == 0


@pytest.mark.parametrize("process", ["briefly"], indirect=True)
def test_debug_ends_by_itself(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGUSR1)
    assert event(process) == "log.debug_shown"
    assert next_but(process, "test.debug") == "log.debug_ended"
    process.send_signal(signal.SIGTERM)
    assert event(process) == "test.told_to_stop"
    assert process.wait(20) == 0
