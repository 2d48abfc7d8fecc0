"""A pause for memory ends for every partition, whoever had it meanwhile, in each protocol of the group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.samples import named_at_a_desk_and_in_ci, sample
from tests.support.site import CLIENT, PARTITIONS
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.processes import WorkerProcess
    from tests.support.site import Site

pytestmark = [pytest.mark.kafka, pytest.mark.long]

PROTOCOLS: dict[str, dict[str, Any]] = {
    "cooperative": CLIENT,
    "consumer": {"group.protocol": "consumer"},
    # Not the default of the worker, and in the consumer's contract in any case.
    **sample({}, {"eager": CLIENT | {"partition.assignment.strategy": "range"}}),
}
SOON_SECONDS = 60.0
RECORDS, HELD = 2_000, 200
protocols = pytest.mark.parametrize("client", named_at_a_desk_and_in_ci(PROTOCOLS))


def assigned(worker: WorkerProcess) -> int:
    return int(worker.events("group.rebalanced")[-1]["now_assigned"])


def is_paused(worker: WorkerProcess) -> bool:
    return len(worker.events("intake.paused")) > len(worker.events("intake.resumed"))


def two_that_are_full(site: Site, client: dict[str, Any]) -> tuple[WorkerProcess, WorkerProcess]:
    """The API is away: one pauses, another joins, takes half of what is paused, and pauses too."""
    site.open_topic()
    site.produce(RECORDS)
    site.endpoint.set_faults(fail=1.0)
    workers = []
    for name in ("first", "second"):
        kafka = {"client": client, "revoke_seconds": 0.5}
        limits = {"max_unsettled_records": HELD}
        workers.append(site.start_worker(name, kafka=kafka, limits=limits, shutdown={"drain_seconds": 0.5}))
        until(lambda: all(map(is_paused, workers)), SOON_SECONDS, what="being full")
    first, second = workers
    assert (assigned(first), assigned(second)) == (PARTITIONS // 2, PARTITIONS // 2)
    return first, second


def wait_until_back(worker: WorkerProcess) -> None:
    until(lambda: assigned(worker) == PARTITIONS, SOON_SECONDS, what="all partitions being back")


@protocols
def test_a_partition_that_comes_back_while_the_worker_is_paused_flows_again(
    site: Site, client: dict[str, Any]
) -> None:
    first, second = two_that_are_full(site, client)
    second.told_to_end()
    wait_until_back(first)
    site.endpoint.set_faults(fail=0.0)
    site.wait_until_committed()
    site.assert_kept()


@protocols
def test_a_partition_that_comes_back_after_the_pause_flows_again(site: Site, client: dict[str, Any]) -> None:
    """It was paused when it was taken away, and librdkafka has not forgotten it."""
    first, second = two_that_are_full(site, client)
    site.endpoint.set_faults(fail=0.0)
    site.wait_until_committed()
    second.told_to_end()
    wait_until_back(first)
    site.produce(RECORDS, seed=2)
    site.wait_until_committed()
    site.assert_kept()
