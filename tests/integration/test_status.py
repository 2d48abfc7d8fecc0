"""Why a real worker is where it is, asked of it while it runs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.support.processes import PROJECT
from tests.support.site import CLIENT
from tests.support.waiting import until
from worker.core.model.worker_status import WorkerStatus

if TYPE_CHECKING:
    from tests.support.processes import WorkerProcess
    from tests.support.site import Site

pytestmark = pytest.mark.kafka

SOON_SECONDS = 30


def ask(worker: WorkerProcess, *more: str) -> tuple[int, str]:
    """Run the command against a worker; its exit code and what it printed."""
    (line,) = worker.events("admin.listening")
    command = [sys.executable, "-m", "worker", "status", "--address", f"127.0.0.1:{line['port']}", *more]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert not ended.stderr
    return ended.returncode, ended.stdout


def status(worker: WorkerProcess) -> WorkerStatus:
    return msgspec.json.decode(ask(worker, "--json")[1], type=WorkerStatus)


def test_of_a_worker_that_delivers_every_offset_is_told_and_how_many_members_there_are(site: Site) -> None:
    site.open_topic()
    site.produce(500)
    worker = site.start_worker(kafka={"client": {**CLIENT, "statistics.interval.ms": 500}})
    site.wait_until_committed()
    ends = {each: end for each, end in site.kafka.end_offsets(site.names.topic).items() if end}

    def told() -> bool:
        shown = {each.partition: each for each in status(worker).partitions if each.end_offset}
        return shown.keys() == ends.keys() and all(
            (each.committed_offset, each.settled_offset, each.received_offset, each.end_offset)
            == (ends[number],) * 4
            for number, each in shown.items()
        )

    until(told, SOON_SECONDS)
    code, page = ask(worker, "--config", str(worker.log.with_suffix(".yaml")))
    assert code == 0
    assert page.startswith("READY  nothing is unsettled")
    assert f"{site.names.group}: 1 member, stable\n" in page
    # Of the worker that answered, whosever configuration that is.
    other = site.folder / "other.yaml"
    own = worker.log.with_suffix(".yaml").read_text()
    other.write_text(own.replace(f'"{site.names.group}"', '"another"'))
    _, page = ask(worker, "--config", str(other))
    assert f"{site.names.group}: 1 member, stable; --config is another worker's, of another\n" in page
    # The endpoint runs by this machine's clock.
    assert abs(status(worker).clock_ahead_seconds or 9) < 2


def test_a_clock_that_is_off_is_named_and_once_it_is_right_everything_is_delivered(site: Site) -> None:
    site.open_topic()
    site.endpoint.set_faults(clock_ahead_seconds=600)
    site.produce(200)
    worker = site.start_worker()
    until(lambda: "the clock is 600 s behind the API's: set it right" in worker.ready()[1], SOON_SECONDS)
    code, page = ask(worker)
    assert code == 1
    assert page.startswith("NOT READY")
    assert "held for" in page
    assert "one event is sent to find out" in page
    assert worker.events("clock.off")[0]["ahead_seconds"] in {-599, -600, -601}
    site.endpoint.set_faults(clock_ahead_seconds=0)
    site.wait_until_committed()
    until(lambda: worker.ready()[0], SOON_SECONDS)
    site.assert_kept()
