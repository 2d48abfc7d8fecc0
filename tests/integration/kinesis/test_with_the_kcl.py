"""Beside the KCL (kcl-rs), on one table: it goes on where this worker stopped, and the other way round."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.kinesis.test_resharding import split
from tests.support.child_processes import ending_with_us
from tests.support.emulators.supply import NoEmulator, kcl_python
from tests.support.processes import PROJECT, EndpointProcess
from tests.support.samples import only_long
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.kinesis_site import KinesisSite

pytestmark = pytest.mark.slow

CONSUMER = PROJECT / "tests" / "support" / "kcl_consumer.py"
# On an empty table the KCL waits until it has seen how others are, and its leases last for ten seconds.
PATIENCE_SECONDS = 120.0


@pytest.fixture
def front(streams_url: str, tables_url: str, tmp_path: Path) -> Iterator[str]:
    """One address for all services."""
    front = EndpointProcess(tmp_path / "front.log", ("tests.support.aws_front", streams_url, tables_url))
    yield front.url
    front.kill()


class Kcl:
    """A consumer of the KCL's, in a process of its own."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        try:
            python = kcl_python()
        except NoEmulator as missing:
            pytest.skip(str(missing))
        (folder / "settings.json").write_text(json.dumps(settings))
        self._records = folder / "records.jsonl"
        command = ending_with_us(str(python), str(CONSUMER), str(folder))
        with (folder / "kcl.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def lines(self) -> list[dict[str, Any]]:
        """What it wrote so far."""
        if not self._records.exists():
            return []
        written = self._records.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in written if line.endswith("\n")]

    def ids(self) -> list[str]:
        """The events that it had so far."""
        return [line["id"] for line in self.lines() if "id" in line]

    def wait_until_reading(self, events: int) -> None:
        """Return once it has so many more."""
        enough = len(self.ids()) + events
        until(lambda: len(self.ids()) >= enough, PATIENCE_SECONDS, what="the KCL reading")

    def end(self) -> None:
        """SIGTERM, and wait for its end."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait()


@only_long
@pytest.mark.parametrize("streams", [1, 2])
def test_it_goes_on_where_this_worker_stopped_and_the_other_way_round(
    streams: int, front: str, site: KinesisSite, tmp_path: Path
) -> None:
    """Shards are split under either, so that each meets rows of children that the other made."""
    names = [site.stream, f"{site.stream}-other"][:streams]
    for name in names[1:]:
        site.make_stream(name, 2)
    for name in names:
        site.feed(40, name)
    worker = site.start_worker("first", kinesis={"streams": names})
    site.wait_until_flowing(200)
    split(site)
    site.wait_until_flowing(200)
    worker.told_to_end()
    assert worker.exit_code(40) == 0
    # From here on, it is the KCL's.
    site.watch.stop()
    ours = site.endpoint.accepted_ids()
    kcl = Kcl(tmp_path, {"url": front, "application": site.table, **_of(site, names)})
    try:
        kcl.wait_until_reading(200)
        # It began behind what is done, so it had nothing that was accepted before.
        assert not ours.intersection(kcl.ids())
        split(site)
        kcl.wait_until_reading(200)
        kcl.end()
    finally:
        kcl.kill()
    for feed in site.feeds:
        feed.stop()
    site.start_worker("second", kinesis={"streams": names})
    produced = {each.event_id for each in site.ledger.produced()}
    until(
        lambda: produced <= {*site.endpoint.accepted_ids(), *kcl.ids()},
        PATIENCE_SECONDS,
        what="all being read by one or the other",
    )
    site.wait_until_checkpointed()
    # What the KCL had and had not checkpointed is read again, and no more than that.
    twice = site.endpoint.accepted_ids().intersection(kcl.ids())
    assert len(twice) < len(kcl.ids()) / 2
    assert len(kcl.ids()) == len(set(kcl.ids()))
    assert site.audit().out_of_order == ()


def _of(site: KinesisSite, names: list[str]) -> dict[str, Any]:
    """Which streams, as the KCL wants to be told."""
    if len(names) == 1:
        return {"stream": names[0]}
    summaries = [
        site.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"] for name in names
    ]
    return {
        "streams": [
            f"{each['StreamARN'].split(':')[4]}:{each['StreamName']}:"
            f"{int(each['StreamCreationTimestamp'].timestamp())}"
            for each in summaries
        ]
    }
