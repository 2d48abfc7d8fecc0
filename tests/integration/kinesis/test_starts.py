"""Where a shard without a lease begins, and what several streams have in one table."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.kinesis_ledger import Ledger
from tests.support.kinesis_site import CALM
from tests.support.samples import only_ci, only_long
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.kinesis_site import KinesisSite
    from tests.support.processes import WorkerProcess

pytestmark = pytest.mark.slow

BEFORE = 100


@only_long
def test_all_that_is_there_is_read(site: KinesisSite) -> None:
    site.ledger.put(site.stream, 2_000)
    site.start_worker(kinesis=CALM)
    assert site.finish().repeated == ()


def test_a_time_says_where_to_begin(site: KinesisSite) -> None:
    put_before(site)
    begins = time.time() + 0.05
    until(lambda: time.time() > begins + 0.05, 5)
    site.ledger.put(site.stream, 300)
    start_at = datetime.fromtimestamp(begins, UTC).isoformat()
    site.start_worker(kinesis={**CALM, "start": "at_timestamp", "start_at": start_at})
    # What was accepted of the time before would be unknown to the audit.
    assert site.finish().repeated == ()


@only_long
def test_the_latest_is_where_the_first_read_begins(site: KinesisSite) -> None:
    put_before(site)
    # A record of the last second would be taken for one that came while the iterator was made.
    begins = time.time() + 2
    until(lambda: time.time() > begins, 5)
    worker = site.start_worker(kinesis={**CALM, "start": "latest"})
    wait_until_read(worker, 4)
    site.ledger.put(site.stream, 300)
    assert site.finish().repeated == ()


@only_ci
def test_the_latest_is_not_moved_by_a_restart(site: KinesisSite) -> None:
    """What comes while no worker runs is read, also of shards of which nothing was read before."""
    worker = site.start_worker(kinesis={**CALM, "start": "latest"})
    wait_until_read(worker, 4)
    worker.told_to_end()
    assert worker.exit_code(30) == 0
    site.ledger.put(site.stream, 300)
    site.start_worker("second", kinesis={**CALM, "start": "latest"})
    assert site.finish().repeated == ()


@only_ci
def test_two_streams_have_one_table(site: KinesisSite) -> None:
    other = f"{site.stream}-other"
    site.make_stream(other, 2)
    site.feed(50)
    site.feed(50, other)
    streams = {**CALM, "streams": [site.stream, other]}
    site.start_worker("first", kinesis=streams)
    site.wait_until_shares(6)
    site.start_worker("second", kinesis=streams)
    site.wait_until_shares(3, 3)
    site.wait_until_flowing()
    keys = site.rows()
    of_kcl = re.compile(rf"\d{{12}}:({site.stream}|{other}):\d{{10}}:shardId-\d{{12}}")
    assert all(of_kcl.fullmatch(key) for key in keys)
    assert site.finish().repeated == ()


def put_before(site: KinesisSite) -> None:
    """Put what nobody is to read: the audit does not know it."""
    Ledger(site.kinesis).put(site.stream, BEFORE)


def wait_until_read(worker: WorkerProcess, shards: int) -> None:
    """Return once each of so many shards was read."""

    def is_read() -> bool:
        # A shard that was not read yet does not know how far behind it is.
        return worker.series("personalize_worker_behind_latest_seconds") == shards

    until(is_read, 60, what=f"{shards} shards being read")
