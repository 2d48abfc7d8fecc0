"""A stream of an emulator that is deleted and made anew under its name, and what an operator does then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from botocore.exceptions import ClientError

from tests.support.samples import only_long
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.kinesis_site import KinesisSite
    from tests.support.processes import WorkerProcess

pytestmark = pytest.mark.slow

SECONDS: Final = 90.0


def replace_stream(site: KinesisSite, shards: int) -> None:
    site.kinesis.delete_stream(StreamName=site.stream)

    def is_gone() -> bool:
        try:
            site.kinesis.describe_stream_summary(StreamName=site.stream)
        except site.kinesis.exceptions.ResourceNotFoundException:
            return True
        return False

    until(is_gone, SECONDS, what="the stream being gone")
    site.make_stream(site.stream, shards)


def wait_until_held(worker: WorkerProcess) -> None:
    until(lambda: worker.events("kinesis.stream_replaced"), SECONDS, what="that being told")
    until(lambda: "delete its rows from the lease table" in worker.ready()[1], SECONDS, forgiving=OSError)


def checkpoints(site: KinesisSite) -> dict[str, str]:
    return {key: row["checkpoint"] for key, row in site.rows().items()}


def begin_anew(site: KinesisSite) -> None:
    """Do what the worker says, and expect all of the new stream."""
    site.dynamodb.delete_table(TableName=site.table)
    worker = site.start_worker("anew")
    until(lambda: not site.audit().lost, SECONDS, what="all of it")
    worker.wait_until_ready()


@only_long
@pytest.mark.parametrize("shards", [2, 4])
def test_while_a_worker_runs(site: KinesisSite, shards: int) -> None:
    site.ledger.put(site.stream, 120)
    worker = site.start_worker(kinesis={"failover_seconds": 3})
    until(lambda: site.rows() and not site.unfinished(), SECONDS, forgiving=ClientError)
    site.watch.stop()
    before = checkpoints(site)
    replace_stream(site, shards)
    site.ledger.put(site.stream, 80)
    wait_until_held(worker)
    # The emulator reads on with iterators of the old stream, which AWS does not know, until that is seen.
    accepted = site.endpoint.summary().accepted_events
    site.ledger.put(site.stream, 40)
    worker.told_to_end()
    assert worker.exit_code(SECONDS) == 0
    assert site.endpoint.summary().accepted_events == accepted
    if accepted == 120:
        assert checkpoints(site) == before
    begin_anew(site)


@only_long
def test_while_no_worker_runs_though_all_of_its_only_shard_was_done(site: KinesisSite) -> None:
    """A shard of the old stream was split, so the new one's only shard has a lease that says `SHARD_END`."""
    site.ledger.put(site.stream, 120)
    first = min(each["ShardId"] for each in site.kinesis.list_shards(StreamName=site.stream)["Shards"])
    worker = site.start_worker()
    site.kinesis.split_shard(StreamName=site.stream, ShardToSplit=first, NewStartingHashKey=str(1 << 120))
    site.wait_until_active()
    until(lambda: checkpoints(site).get(first) == "SHARD_END", SECONDS, forgiving=ClientError)
    until(lambda: not site.audit().lost, SECONDS, what="the old stream being read")
    site.watch.stop()
    worker.told_to_end()
    assert worker.exit_code(SECONDS) == 0
    accepted = site.endpoint.summary().accepted_events
    before = checkpoints(site)
    replace_stream(site, 1)
    site.ledger.put(site.stream, 80)
    worker = site.start_worker("second")
    wait_until_held(worker)
    command = site.start_command("check")
    assert command.exit_code(SECONDS) != 0
    assert "its leases are of the old stream" in command.log.read_text()
    worker.told_to_end()
    assert worker.exit_code(SECONDS) == 0
    assert (checkpoints(site), site.endpoint.summary().accepted_events) == (before, accepted)
    begin_anew(site)
