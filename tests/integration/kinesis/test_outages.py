"""DynamoDB away, answers lost, iterators expired: reported, waited for, and nothing lost or ahead."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.gate import Gate
from tests.support.kinesis_site import FAILOVER_SECONDS, KinesisSite
from tests.support.samples import only_ci, only_long
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import WorkerProcess

pytestmark = pytest.mark.slow


@pytest.fixture
def gate(tables_url: str) -> Iterator[Gate]:
    """A gate before DynamoDB, for the workers; the site itself needs none."""
    with Gate(tables_url) as gate:
        yield gate


def test_while_the_table_is_away_nothing_is_done_ahead(
    gate: Gate, streams_url: str, tables_url: str, tmp_path: Path
) -> None:
    with KinesisSite(tmp_path, streams_url, tables_url, worker_tables_url=gate.url) as site:
        site.feed()
        workers = [site.start_worker("first"), site.start_worker("second")]
        site.wait_until_shares(2, 2)
        site.wait_until_flowing()
        gate.shut()
        # Their own clocks tell them that the leases may be another's by now.
        for worker in workers:
            until(lambda worker=worker: worker.events("lease.lost"), 60)  # type: ignore[misc]  # mypy takes a lambda's default for untyped
            until(lambda worker=worker: "the lease table" in worker.ready()[1], 30)  # type: ignore[misc]  # mypy takes a lambda's default for untyped
        gate.open()
        site.wait_until_flowing()
        site.finish()
        for worker in workers:
            worker.wait_until_ready()


@only_long
def test_a_short_blip_of_the_table_costs_no_lease(
    gate: Gate, streams_url: str, tables_url: str, tmp_path: Path
) -> None:
    with KinesisSite(tmp_path, streams_url, tables_url, worker_tables_url=gate.url) as site:
        site.feed()
        worker = site.start_worker(kinesis={"failover_seconds": 30})
        site.wait_until_shares(4)
        site.wait_until_flowing()
        for _ in range(3):
            gate.shut()
            site.wait_until_flowing(50)
            gate.open()
            counters = {key: row["leaseCounter"] for key, row in site.rows().items()}
            until(
                lambda counters=counters: all(  # type: ignore[misc]  # mypy takes a lambda's default for untyped
                    row["leaseCounter"] != counters[key] for key, row in site.rows().items()
                ),
                60,
                what="leases being renewed again",
            )
        assert site.finish().repeated == ()
        assert not worker.events("lease.lost")


@only_ci
def test_an_endpoint_that_is_away_for_longer_than_leases_last_costs_none(site: KinesisSite) -> None:
    """Renewals go on while the API does not answer, and the queues are full."""
    worker = site.start_worker(limits={"max_unsettled_bytes": 1 << 20})
    site.feed(300)
    site.wait_until_flowing()
    site.endpoint.freeze()
    site.watch.stop()
    counters = {key: int(row["leaseCounter"]) for key, row in site.rows().items()}
    renewals = 12
    until(
        lambda: all(int(row["leaseCounter"]) >= counters[key] + renewals for key, row in site.rows().items()),
        60 + 12 * FAILOVER_SECONDS,
        what=f"{renewals} renewals",
    )
    site.endpoint.thaw()
    site.finish()
    assert not worker.events("lease.lost")


LONG_OUTAGE_SECONDS: Final = 30 * 60
OUTAGE_SHARDS: Final = 8
# Of two workers, whatever came in meanwhile: the records kept are bounded, 1 MiB of them here.
MOST_GROWTH_BYTES: Final = 64 << 20


@only_long
def test_half_an_hour_without_the_endpoint_costs_no_lease_and_no_memory(
    streams_url: str, tables_url: str, tmp_path: Path
) -> None:
    """In real time: iterators expire, shards are not read, leases are renewed, and all is caught up with."""
    with KinesisSite(tmp_path, streams_url, tables_url, shards=OUTAGE_SHARDS) as site:
        workers = [
            site.start_worker(
                name, kinesis={"failover_seconds": 10.0}, limits={"max_unsettled_bytes": 1 << 20}
            )
            for name in ("first", "second")
        ]
        site.feed(40)
        site.wait_until_shares(4, 4)
        site.wait_until_flowing(400)
        before = [_memory_bytes(worker) for worker in workers]
        counters = {key: int(row["leaseCounter"]) for key, row in site.rows().items()}
        site.endpoint.freeze()
        site.watch.stop()
        most = before
        until_when = time.monotonic() + LONG_OUTAGE_SECONDS
        while time.monotonic() < until_when:
            time.sleep(5)
            most = [max(was, _memory_bytes(worker)) for was, worker in zip(most, workers, strict=True)]
        renewals = min(int(row["leaseCounter"]) - counters[key] for key, row in site.rows().items())
        behind = len(site.ledger.produced())
        site.endpoint.thaw()
        thawed = time.monotonic()
        # It has to get rid of half an hour's connections first.
        until(site.endpoint.summary, 120, forgiving=OSError)
        found = site.finish(600)
        lost = sum(len(worker.events("lease.lost")) for worker in workers)
        print(  # noqa: T201  to be read
            f"leases lost {lost}, renewals of a lease {renewals} at least, put by its end {behind}, "
            f"caught up in {time.monotonic() - thawed:.0f} s, repeated {len(found.repeated)}, "
            f"MiB before {[each >> 20 for each in before]}, at most {[each >> 20 for each in most]}"
        )
        assert lost == 0
        assert site.shares() == [4, 4]
        growth = max(now - was for was, now in zip(before, most, strict=True))
        assert growth < MOST_GROWTH_BYTES


def _memory_bytes(worker: WorkerProcess) -> int:
    """What the process has in memory now."""
    figures = Path(f"/proc/{worker.process.pid}/statm").read_text()
    return int(figures.split()[1]) * resource.getpagesize()
