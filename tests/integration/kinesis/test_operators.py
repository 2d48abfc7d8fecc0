"""What an operator meets who configured or permitted the wrong thing: it is named, and it ends by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.kinesis_site import KinesisSite
from tests.support.kinesis_standin import StandIn
from tests.support.samples import at_a_desk_and_in_ci, short_and_long
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import WorkerProcess

pytestmark = pytest.mark.slow

# What the worker may be forbidden one by one, when it matters, and what has to be named.
AT_START: Final = [
    *at_a_desk_and_in_ci(["DescribeTable"], ["ListShards"]),
    *short_and_long((), ("CreateTable", "Scan", "PutItem")),
]
LATER: Final = [
    *at_a_desk_and_in_ci(["UpdateItem"], ["GetRecords"]),
    *short_and_long((), ("GetShardIterator",)),
]
KMS: Final = short_and_long(
    ("KMSAccessDeniedException",),
    ("KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException", "KMSOptInRequired"),
)
SECONDS: Final = 90.0


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    """A stand-in of this test alone."""
    stand_in = StandIn(tmp_path / "stand-in.log")
    yield stand_in
    stand_in.kill()


@pytest.fixture
def site(stand_in: StandIn, tmp_path: Path) -> Iterator[KinesisSite]:
    """Two shards with records, at the stand-in."""
    with KinesisSite(tmp_path, stand_in.url, stand_in.url, shards=2) as site:
        site.ledger.put(site.stream, 100)
        yield site


def refused(call: str, code: str = "AccessDeniedException") -> dict[str, Any]:
    return {"does": "refuse", "calls": [call], "code": code}


def told(worker: WorkerProcess, *words: str) -> str:
    """Wait until ``/ready`` says all of this."""

    def says() -> str:
        is_ready, said = worker.ready()
        return said if not is_ready and all(word in said for word in words) else ""

    return until(says, SECONDS, what=f"{words} being told")


@pytest.mark.parametrize("call", AT_START)
def test_what_is_forbidden_at_the_start_is_told_and_waited_for(
    call: str, stand_in: StandIn, site: KinesisSite
) -> None:
    stand_in.set_rules(refused(call))
    worker = site.start_worker()
    told(worker, "AccessDenied", call)
    worker.complain_if_ended()
    stand_in.set_rules()
    site.finish()
    worker.wait_until_ready()


@pytest.mark.parametrize("call", LATER)
def test_what_is_forbidden_later_is_told_and_waited_for(
    call: str, stand_in: StandIn, site: KinesisSite
) -> None:
    worker = site.start_worker()
    site.wait_until_flowing(100)
    stand_in.set_rules(refused(call), {"does": "expire", "calls": ["GetRecords"], "times": 2})
    site.ledger.put(site.stream, 100)
    told(worker, "AccessDenied", call)
    stand_in.set_rules()
    site.finish()
    worker.wait_until_ready()


@pytest.mark.parametrize("code", KMS)
def test_a_key_that_can_t_be_used_is_told_and_waited_for(
    code: str, stand_in: StandIn, site: KinesisSite
) -> None:
    stand_in.set_rules(refused("GetRecords", code))
    worker = site.start_worker()
    assert "KMS" in told(worker, code)
    assert worker.metric("personalize_worker_kinesis_trouble_seconds") > 0
    stand_in.set_rules()
    site.finish()
    worker.wait_until_ready()


def test_without_a_table_it_ends_with_the_command_that_makes_it(site: KinesisSite) -> None:
    worker = site.start_worker(kinesis={"create_table": False})
    assert worker.exit_code(SECONDS) == 2
    ended = worker.events("worker.misconfigured")
    assert site.table in ended[0]["reason"]
    assert ended[0]["command"].startswith(f"aws dynamodb create-table --table-name {site.table} ")


def test_a_table_of_something_else_is_not_touched(site: KinesisSite) -> None:
    site.dynamodb.create_table(
        TableName=site.table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    worker = site.start_worker()
    assert worker.exit_code(SECONDS) == 2
    assert "kinesis.application_name" in worker.events("worker.misconfigured")[0]["reason"]


def test_a_stream_that_comes_later_is_waited_for(site: KinesisSite) -> None:
    missing = f"{site.stream}-later"
    worker = site.start_worker(kinesis={"streams": [missing]})
    said = told(worker, missing, "kinesis.streams")
    assert "ResourceNotFound" in said
    site.make_stream(missing, 1)
    site.ledger.put(missing, 50)
    site.wait_until_flowing(50)
    worker.wait_until_ready()


def test_an_endpoint_where_nobody_listens_is_named(site: KinesisSite) -> None:
    worker = site.start_worker(kinesis={"dynamodb_endpoint_url": "http://127.0.0.1:9"})
    told(worker, site.table)
    worker.complain_if_ended()


def test_what_is_not_kinesis_is_told(site: KinesisSite) -> None:
    """The address of something else, such as the admin pages of another worker."""
    worker = site.start_worker(kinesis={"endpoint_url": site.endpoint.url})
    told(worker, "kinesis.endpoint_url")


def test_lost_answers_and_throttles_cost_nothing_but_time(stand_in: StandIn, site: KinesisSite) -> None:
    stand_in.set_rules(
        {"does": "lose", "calls": ["UpdateItem"], "every": 5},
        {"does": "lose", "calls": ["PutItem"], "every": 2},
        {"does": "throttle", "calls": ["GetRecords"], "every": 4},
        {"does": "throttle", "calls": ["DynamoDB"], "every": 7},
        {"does": "expire", "calls": ["GetRecords"], "every": 9},
        {"does": "empty", "calls": ["GetRecords"], "every": 5},
        {"does": "fail", "calls": ["GetShardIterator"], "every": 3},
    )
    site.start_worker("first")
    site.feed(50)
    site.wait_until_flowing(300)
    site.start_worker("second")
    site.wait_until_flowing(300)
    site.finish()
